"""Channels to servers of this process, for generated stubs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

import grpc

from amira_core.rpc.in_process.call import InProcessCall
from amira_core.rpc.in_process.exchange import Exchange, as_metadata
from amira_core.rpc.in_process.server import server_named

_LOOK_AGAIN_S: Final = 0.05

OpenCall = Callable[..., InProcessCall]


class InProcessChannel(grpc.aio.Channel):
    """To the server that has a name when a call is made; calls are UNAVAILABLE where none has."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._closed = False
        self._calls: set[Exchange] = set()
        self._feeding: set[asyncio.Task[None]] = set()

    def unary_unary(self, method: str, *_: Any, **__: Any) -> Any:
        return self._method(method, single_request=True)

    def unary_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return self._method(method, single_request=True)

    def stream_unary(self, method: str, *_: Any, **__: Any) -> Any:
        return self._method(method, single_request=False)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Any:
        return self._method(method, single_request=False)

    async def close(self, grace: float | None = None) -> None:
        """Gives running calls `grace` seconds, then cancels them."""
        self._closed = True
        if self._calls and grace:
            over = [asyncio.ensure_future(exchange.over.wait()) for exchange in self._calls]
            await asyncio.wait(over, timeout=grace)
            for waiting in over:
                waiting.cancel()
        for exchange in list(self._calls):
            InProcessCall(exchange).cancel()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        if self._closed:
            return grpc.ChannelConnectivity.SHUTDOWN
        if server_named(self._name) is None:
            return grpc.ChannelConnectivity.TRANSIENT_FAILURE
        return grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        while self.get_state() == last_observed_state:  # noqa: ASYNC110 - rare, and nobody tells
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def channel_ready(self) -> None:
        while (state := self.get_state()) is not grpc.ChannelConnectivity.READY:
            await self.wait_for_state_change(state)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # -- calls ---------------------------------------------------------------------------------

    def _method(self, method: str, *, single_request: bool) -> OpenCall:
        def open_call(
            request: Any = None,
            *,
            timeout: float | None = None,
            metadata: Any = None,
            **_: Any,
        ) -> InProcessCall:
            call = self._open(method, timeout, metadata)
            if single_request:
                call.send_only(request)
            elif request is not None:
                self._feed(call, request)
            return call

        return open_call

    def _open(self, method: str, timeout_s: float | None, metadata: Any) -> InProcessCall:
        if self._closed:
            raise grpc.aio.UsageError("Channel is closed.")
        exchange = Exchange(method, as_metadata(metadata), timeout_s)
        self._calls.add(exchange)
        exchange.on_end(lambda: self._calls.discard(exchange))
        server = server_named(self._name)
        if server is None:
            exchange.finish(grpc.StatusCode.UNAVAILABLE, f"No {self._name} runs in this process.", ())
        else:
            server.serve(exchange)
        return InProcessCall(exchange)

    def _feed(self, call: InProcessCall, requests: Iterable[Any] | AsyncIterable[Any]) -> None:
        feeding = asyncio.get_running_loop().create_task(_feed(call, requests), name="requests")
        self._feeding.add(feeding)
        feeding.add_done_callback(self._feeding.discard)


async def _feed(call: InProcessCall, requests: Iterable[Any] | AsyncIterable[Any]) -> None:
    """Sends all requests. A failure of theirs cancels the call, as in grpc.aio."""
    try:
        if isinstance(requests, AsyncIterable):
            async for request in requests:
                await call.write(request)
        else:
            for request in requests:
                await call.write(request)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # the call is over; whoever reads it learns why
    except BaseException:
        call.cancel()
        raise
