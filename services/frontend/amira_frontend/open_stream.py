"""A running call of Extract, as long as it lasts: its way out, and the times at which it must end.

grpc.aio takes one writer at a time, and while a write waits for a peer that does not read, no status
can be sent either (measured: TOO_MANY_OPERATIONS, and the peer waits for ever). So a call that must end
is cancelled where it reads or computes, but let finish what it writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import grpc

from amira.frontend.v1 import frontend_pb2
from amira_core.errors import AmiraError, ClientNotReadingError, DrainingError
from amira_frontend import metrics

_Request = frontend_pb2.ExtractRequest
_Response = frontend_pb2.ExtractResponse

_DRAINING: Final = _Response(draining=frontend_pb2.Draining())


class OpenStream:
    """One call; a context manager around all that its handler does, in the handler's task."""

    def __init__(
        self,
        context: grpc.aio.ServicerContext[_Request, _Response],
        stall_timeout_s: float,
        on_over: Callable[[OpenStream], None],
    ) -> None:
        """`on_over` is called when the call ends, or its peer has stalled: it no longer counts then."""
        self._context = context
        self._stall_timeout_s = stall_timeout_s
        self._on_over = on_over
        self._loop = asyncio.get_running_loop()
        self._handler: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._notice: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._error: AmiraError | None = None  # why the call must end

    async def __aenter__(self) -> Self:
        self._handler = asyncio.current_task()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises what the call must end with, where that cancelled the handler."""
        handler, self._handler = self._handler, None
        if self._deadline is not None:
            self._deadline.cancel()
        self._on_over(self)
        if self._notice is not None:
            if not self._writing.locked():
                self._notice.cancel()
            await asyncio.gather(self._notice, return_exceptions=True)
        cancelled = kind is not None and issubclass(kind, asyncio.CancelledError)
        if self._error is not None and cancelled and handler is not None and not handler.uncancel():
            raise self._error from None

    async def write(self, response: _Response) -> None:
        """Sends; waits while the other side takes no more.

        Raises:
            ClientNotReadingError, DrainingError: the call must end; `response` may have gone out.
        """
        stalled = self._loop.call_later(self._stall_timeout_s, self._stall)
        try:
            async with self._writing:
                await self._context.write(response)
        finally:
            stalled.cancel()
        if self._error is not None:
            raise self._error

    def drain(self, timeout_s: float) -> None:
        """Tells the other side, once, that the server drains; the call may go on for `timeout_s` seconds."""
        self._notice = asyncio.create_task(self._give_notice(), name="drain notice")
        self._deadline = self._loop.call_later(
            timeout_s, self._end, DrainingError("The frontend has stopped. Go on at another one.")
        )

    async def _give_notice(self) -> None:
        async with self._writing:
            await self._context.write(_DRAINING)
        self._end_handler()

    def _stall(self) -> None:
        metrics.PEER_STALLS.inc()
        self._error = ClientNotReadingError(
            f"No features were taken for {self._stall_timeout_s:g} s, so the frontend ended the stream."
        )
        self._on_over(self)

    def _end(self, error: AmiraError) -> None:
        self._error = error
        self._end_handler()

    def _end_handler(self) -> None:
        if self._error is not None and self._handler is not None and not self._writing.locked():
            self._handler.cancel()
