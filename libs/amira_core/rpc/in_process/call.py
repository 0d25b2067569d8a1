"""The caller's end of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import grpc

from amira_core.rpc.in_process.exchange import Exchange


class InProcessCall(grpc.aio.StreamStreamCall[Any, Any]):
    """As grpc.aio's calls of all four shapes: write and read what the method's shape allows.

    A task that is cancelled while it reads or writes cancels the call, as in grpc.aio.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._half_closed = False
        self._response: Any = None

    # -- messages --------------------------------------------------------------------------------

    async def write(self, request: Any) -> None:
        """Sends; waits while the other side has too much to read. Raises as grpc.aio does once it is over."""
        exchange = self._exchange
        if exchange.done:
            raise asyncio.InvalidStateError("RPC already finished.")
        if self._half_closed:
            raise asyncio.InvalidStateError('RPC is half closed after calling "done_writing".')
        try:
            sent = await exchange.requests.put(request)
        except asyncio.CancelledError:
            self.cancel()
            raise
        if not sent:
            self._raise_status()
            raise asyncio.InvalidStateError("RPC already finished.")

    def send_only(self, request: Any) -> None:
        """Sends the request of a method that takes one."""
        if not self._exchange.done:
            self._exchange.requests.push(request)
            self._half_closed = True
            self._exchange.requests.close()

    async def done_writing(self) -> None:
        """Half-closes; does nothing once the call is over."""
        self._half_closed = True
        self._exchange.requests.close()

    async def read(self) -> Any:
        """The next message; grpc.aio.EOF when the call ended with OK. Raises AioRpcError, CancelledError."""
        message = await self._next()
        return grpc.aio.EOF if message is None else message

    def __aiter__(self) -> AsyncIterator[Any]:
        return _Messages(self._next)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._only().__await__()

    async def _only(self) -> Any:
        """The response of a method that has one."""
        if self._response is None:
            self._response = await self._next()
        return self._response

    async def _next(self) -> Any | None:
        try:
            message = await self._exchange.responses.get()
        except asyncio.CancelledError:
            self.cancel()
            raise
        if message is None:
            self._raise_status()
        return message

    def _raise_status(self) -> None:
        exchange = self._exchange
        if exchange.is_cancelled_by_caller:
            raise asyncio.CancelledError
        if exchange.code is not None and exchange.code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                exchange.code,
                grpc.aio.Metadata(*exchange.initial_metadata),
                grpc.aio.Metadata(*exchange.trailing_metadata),
                exchange.details,
            )

    # -- how it is, and how it ends --------------------------------------------------------------

    def cancel(self) -> bool:
        """Ends the call at once; False once it is over."""
        if self._exchange.done:
            return False
        self._exchange.cancel()
        return True

    def cancelled(self) -> bool:
        return self._exchange.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._exchange.done

    def time_remaining(self) -> float | None:
        return self._exchange.time_remaining_s

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._exchange.on_end(lambda: callback(self))

    async def initial_metadata(self) -> grpc.aio.Metadata:
        await self._exchange.began.wait()
        return grpc.aio.Metadata(*self._exchange.initial_metadata)

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        await self._exchange.over.wait()
        return grpc.aio.Metadata(*self._exchange.trailing_metadata)

    async def code(self) -> grpc.StatusCode:
        await self._exchange.over.wait()
        assert self._exchange.code is not None
        return self._exchange.code

    async def details(self) -> str:
        await self._exchange.over.wait()
        return self._exchange.details

    async def wait_for_connection(self) -> None:
        self._raise_status()


class _Messages:
    """An iterator that is no generator: one less frame, and one task may begin where another left off."""

    __slots__ = ("_next",)

    def __init__(self, next_message: Callable[[], Any]) -> None:
        self._next = next_message

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        message = await self._next()
        if message is None:
            raise StopAsyncIteration
        return message
