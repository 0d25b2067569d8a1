"""A bidirectional call as its user expects it: every message that came, then the status that was sent.

grpc.aio (1.85) spoils both when the other side ends a call while a write waits for room: the write
fails, and replaces the status that came from the server with a local INTERNAL ("Internal error from
Core"); `call.read()` then raises that at once and drops the messages not yet read. Measured: with a
write under way, `read()` lost 50 messages of 50 and the status in 30 calls of 30. The call's iterator
does not lose messages; the true status is either the first, which the done callback sees, or
replaces the local one soon after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar, cast

import grpc

from amira_core.aio.cancellation import this_task_is_cancelled

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

_LOCAL_DETAILS = "Internal error from Core"
_STATUS_TRY_S = 0.002
_STATUS_TRIES = 500


class DuplexCall(Generic[RequestT, ResponseT]):
    """One stream-stream call; one task may read and one may write.

    Usage::

        call = DuplexCall(stub.Decode())
        if await call.write(request): ...
        while (response := await call.read()) is not None: ...
    """

    def __init__(self, call: grpc.aio.StreamStreamCall[RequestT, ResponseT]) -> None:
        self._call = call
        self._responses = aiter(call)
        self._status: grpc.aio.AioRpcError | None = None
        self._over = False
        call.add_done_callback(self._keep_status)

    async def write(self, request: RequestT) -> bool:
        """Sends; waits while the other side takes no more. False: the call is over; :meth:`read` says why."""
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return False
        return True

    async def done_writing(self) -> None:
        """Half-closes; does nothing once the call is over."""
        await self._call.done_writing()

    async def read(self) -> ResponseT | None:
        """The next message; None when the call ended with OK.

        Raises:
            grpc.aio.AioRpcError: the status that the other side, or the connection, ended the call with.
        """
        if not self._over:
            try:
                return await anext(self._responses)
            except (StopAsyncIteration, grpc.aio.AioRpcError) as end:
                self._over = True
                await self._settle(end)
            except asyncio.CancelledError:
                if self._status is None or this_task_is_cancelled():
                    raise
                self._over = True  # not this task but the call was cancelled
        if self._status is not None and self._status.code() is not grpc.StatusCode.OK:
            raise self._status
        return None

    def cancel(self) -> None:
        """Ends the call at once; does nothing once it is over."""
        self._call.cancel()

    async def _settle(self, end: Exception) -> None:
        """Finds the true status: seen before it was replaced, in `end`, or still to come."""
        if self._status is not None or not isinstance(end, grpc.aio.AioRpcError):
            return
        self._status = end
        tries = 0
        while self._status.details() == _LOCAL_DETAILS and tries < _STATUS_TRIES:
            tries += 1
            await asyncio.sleep(_STATUS_TRY_S)
            self._status = self._current_status()

    def _keep_status(self, call: Any) -> None:
        status = self._current_status()
        if status.details() != _LOCAL_DETAILS:
            self._status = status

    def _current_status(self) -> grpc.aio.AioRpcError:
        """That of a finished call, read at once: a failing write may replace it in the next moment."""
        call = self._call
        return grpc.aio.AioRpcError(
            _now(call.code()),
            grpc.aio.Metadata(),
            _now(call.trailing_metadata()),
            _now(call.details()),
        )


T = TypeVar("T")


def _now(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return cast(T, finished.value)
    coroutine.close()
    raise RuntimeError("the coroutine had to wait")
