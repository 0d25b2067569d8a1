"""The writing half of one call: what it must be sent first, then what the user sends, and a farewell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from amira.asr.v1.speech_pb2 import Abandon, StreamControl, StreamingRecognizeRequest
from amira_client.connection import Connection
from amira_client.errors import ServerError
from amira_client.replay_buffer import is_end

FAREWELL_S = 0.5

_ABANDON = StreamingRecognizeRequest(control=StreamControl(abandon=Abandon()))


class Writer:
    """Sends what is pending, then what the user sends, until the end or the call's end."""

    def __init__(
        self,
        connection: Connection,
        pending: list[StreamingRecognizeRequest],
        take: Callable[[], Awaitable[StreamingRecognizeRequest]],
        *,
        half_closes: bool,
    ) -> None:
        """`half_closes`: after END_OF_AUDIO. Without that ABANDON can still be said."""
        self._connection = connection
        self._pending = pending
        self._take = take
        self._half_closes = half_closes
        self._writing = False
        self._stopping = False
        self.usable = True
        """False once a write was cut off or failed: nothing more can be sent."""
        self._task = asyncio.create_task(self._run(), name="amira-stream-writer")

    async def stop(self, patience_s: float) -> None:
        """Sends no more; lets a write that is under way finish for `patience_s`."""
        self._stopping = True
        if self._writing and patience_s:
            await asyncio.wait([self._task], timeout=patience_s)
        if not self._task.done():
            self.usable = self.usable and not self._writing
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        for request in self._pending:
            if not await self._write(request):
                return
        ended = is_end(self._pending)
        while not ended and not self._stopping:
            request = await self._take()
            ended = is_end([request])
            if not await self._write(request):
                return
        if ended and self._half_closes:
            self.usable = False
            await self._connection.done_writing()

    async def _write(self, request: StreamingRecognizeRequest) -> bool:
        if self._stopping:
            return False
        self._writing = True
        try:
            self.usable = await self._connection.write(request)
        except Exception:
            self.usable = False
            raise
        self._writing = False
        return self.usable


async def say_farewell(connection: Connection, writer: Writer) -> None:
    """Has the server end the session at once."""
    await writer.stop(FAREWELL_S)
    if writer.usable:
        try:
            async with asyncio.timeout(FAREWELL_S):
                await connection.write(_ABANDON)
        except TimeoutError:
            connection.cancel()


async def leave(connection: Connection, writer: Writer) -> None:
    """Says farewell on a call that is not used any more, and sees it to its end."""
    try:
        await say_farewell(connection, writer)
        async with asyncio.timeout(FAREWELL_S):
            while await connection.read() is not None:
                pass  # until the server has heard
    except (TimeoutError, ServerError):
        pass
    finally:
        connection.cancel()
