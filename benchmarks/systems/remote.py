"""Hosted services: a stream as a task over the vendor's own client, and a server that nobody starts here.

They cost money and lie behind a network, so they are measured with a few streams only, and only
where a user has put a key into the environment and installed the vendor's package.
"""

from __future__ import annotations

import asyncio
import os
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.wire import Tape
from benchmarks.systems.base import Client, Reading, Server, UnavailableError, pieces

Converse = Callable[[AsyncIterator[bytes], Callable[[bytes], None]], Any]
"""Takes the audio as it comes and a function for each message received; returns when the service is done."""


class TaskLine:
    """See :class:`benchmarks.load.wire.Line`: what is sent waits in a queue for a task to send it."""

    def __init__(self, converse: Converse) -> None:
        self.tape = Tape()
        self._converse = converse
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    def send(self, message: bytes) -> None:
        self._queue.put_nowait(message)

    def finish(self) -> None:
        self._queue.put_nowait(None)

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._converse(self._audio(), self._received)
        except Exception as error:  # noqa: BLE001 - each vendor's client has its own
            text = f"{type(error).__name__}: {error}"
            full = any(sign in text for sign in ("429", "RESOURCE_EXHAUSTED", "ResourceExhausted"))
            self.tape.end("refused" if full else "failed", text[:200])
        else:
            self.tape.end("complete")

    def _received(self, message: bytes) -> None:
        self.tape.arrivals.append((time.monotonic(), message))

    async def _audio(self) -> AsyncIterator[bytes]:
        while (piece := await self._queue.get()) is not None:
            yield piece


class RemoteSpeech(Client):
    """16-bit PCM to a hosted service."""

    def messages(self, samples: NDArray[np.int16]) -> list[bytes]:
        return [piece.astype("<i2").tobytes() for piece in pieces(samples)]

    def line(self) -> TaskLine:
        return TaskLine(self.converse)

    @abstractmethod
    async def converse(self, audio: AsyncIterator[bytes], received: Callable[[bytes], None]) -> None:
        """One stream. Raises whatever the vendor's client raises."""


def spoken(results: Sequence[tuple[float, str, bool, float]]) -> list[Reading]:
    """(arrival, text of the open segment, final?, audio heard in s) as readings of the whole transcript."""
    before, readings = "", []
    for at_s, text, final, heard_s in results:
        whole = f"{before} {text}".strip()
        if final:
            before = whole
        readings.append(Reading(at_s, whole, heard_s))
    return readings


class RemoteServer(Server):
    """A service elsewhere.

    Args:
        name: of the client.
        title: for tables.
        keys: environment variables that must be set.
        package: module that must be installed.
    """

    def __init__(self, name: str, title: str, keys: Sequence[str], package: str) -> None:
        self.name = self.client = name
        self.title = title
        self._keys, self._package = keys, package

    async def start(self) -> None:
        missing = [key for key in self._keys if not os.environ.get(key)]
        if missing:
            raise UnavailableError(f"{' and '.join(missing)} not set")
        try:
            found = find_spec(self._package)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise UnavailableError(f"the package with {self._package} is not installed")

    async def stop(self) -> None:
        """Nothing runs here."""

    def client_options(self) -> dict[str, Any]:
        return {}


def vendors() -> list[RemoteServer]:
    """All that there are adapters for."""
    return [
        RemoteServer("deepgram", "Deepgram", ["DEEPGRAM_API_KEY"], "websockets"),
        RemoteServer(
            "google", "Google Speech-to-Text v2", ["GOOGLE_CLOUD_PROJECT"], "google.cloud.speech_v2"
        ),
        RemoteServer("riva", "NVIDIA Riva", ["RIVA_TARGET"], "riva.client"),
    ]
