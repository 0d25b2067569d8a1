"""A client's messages, from whichever of its calls is attached to the session."""

from __future__ import annotations

import asyncio
import time

from amira.asr.v1 import speech_pb2
from amira_gateway.session.client import Client

_CANCEL_SHOWS_S = 1.0
"""So long after a call seems half-closed it is known whether it was lost instead."""


class Inlet:
    """For one reading task. What a call that is no longer attached still brings is not read.

    A lost call looks half-closed at first. Where that matters (see :attr:`may_be_lost`) the end of the
    messages is believed only of a call that stays attached.
    """

    def __init__(self) -> None:
        self._client: Client | None = None
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[object] | None = None
        self._interrupted = False
        self.may_be_lost = False
        """Whether another call may follow when this one ends early."""
        self.attached_since: float | None = None
        """Monotonic time since when a call is attached; None while none is."""

    def attach(self, client: Client | None) -> None:
        """Reads this call from now on; None: waits for one."""
        self._client = client
        self.attached_since = None if client is None else time.monotonic()
        self._changed.set()
        if self._reader is not None and not self._interrupted:
            self._interrupted = True
            self._reader.cancel()

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        """The next message; None once the client sends no more. Waits while no call is attached."""
        while True:
            client = self._client
            if client is None:
                await self._wait()
                continue
            request = await self._read(client)
            if client is not self._client:
                continue
            if request is None and self.may_be_lost and await self._leaves(client):
                continue
            return request

    async def _read(self, client: Client) -> speech_pb2.StreamingRecognizeRequest | None:
        """None, too, when interrupted: cancelling is the only way to stop a read, and ends its call."""
        task = asyncio.current_task()
        assert task is not None
        self._reader = task
        try:
            return await client.read()
        except asyncio.CancelledError:
            if not self._interrupted or task.uncancel() > 0:
                raise
            return None
        finally:
            self._reader = None
            self._interrupted = False

    async def _leaves(self, client: Client) -> bool:
        try:
            async with asyncio.timeout(_CANCEL_SHOWS_S):
                while client is self._client:
                    await self._wait()
        except TimeoutError:
            return False
        return True

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
