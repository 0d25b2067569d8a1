"""The load test's own HTTP/2 and WebSocket clients against real servers of grpc and websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from benchmarks.load.http2 import GrpcLine, grpc_message, opening
from benchmarks.load.websocket import WebSocketLine, frame
from benchmarks.load.wire import Wire

PATH = "/test.Test/Talk"
Handler = Callable[[Any, Any], Any]


class _Generic(grpc.GenericRpcHandler):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def service(self, details: Any) -> Any:
        return grpc.stream_stream_rpc_method_handler(self._handler) if details.method == PATH else None


@asynccontextmanager
async def grpc_server(handler: Handler, *options: tuple[str, int]) -> AsyncIterator[int]:
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((_Generic(handler),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


async def echo(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


def line_to(port: int, first: bytes = b"first") -> GrpcLine:
    return GrpcLine("127.0.0.1", port, opening(PATH, f"127.0.0.1:{port}"), grpc_message(first))


async def ended(line: Wire, within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while line.tape.outcome == "open":  # noqa: ASYNC110 - a tape has no event: it costs the load test nothing
            await asyncio.sleep(0.01)


async def test_a_call_carries_all_messages_both_ways_and_its_end() -> None:
    async with grpc_server(echo) as port:
        line = line_to(port)
        line.open()
        sent = [bytes([number]) * (1000 + 10 * number) for number in range(200)]  # more than a window
        for message in sent:
            line.send(grpc_message(message))
        line.finish()
        await ended(line)
        assert line.tape.outcome == "complete"
        assert [message for _, message in line.tape.arrivals] == [b"first", *sent]
        times = [at for at, _ in line.tape.arrivals]
        assert times == sorted(times)
        line.close()


async def test_what_does_not_fit_a_window_waits_for_a_slow_reader() -> None:
    go_on = asyncio.Event()

    async def slow(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await go_on.wait()
        size = 0
        async for request in requests:
            size += len(request)
        yield str(size).encode()

    async with grpc_server(slow, ("grpc.http2.bdp_probe", 0)) as port:
        line = line_to(port, b"")
        line.open()
        for _ in range(50):
            line.send(grpc_message(bytes(10_000)))
        line.finish()
        await asyncio.sleep(0.2)
        assert line.tape.outcome == "open"
        go_on.set()
        await ended(line)
        assert [message for _, message in line.tape.arrivals] == [b"500000"]
        line.close()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(grpc.StatusCode.RESOURCE_EXHAUSTED, "refused"), (grpc.StatusCode.UNAVAILABLE, "failed")],
)
async def test_a_status_says_whether_it_was_refused_or_failed(status: grpc.StatusCode, outcome: str) -> None:
    async def refuse(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        await context.abort(status, "no room: 100 % full")
        yield b""

    async with grpc_server(refuse) as port:
        line = line_to(port)
        line.open()
        await ended(line)
        assert line.tape.outcome == outcome
        assert "no room: 100 % full" in line.tape.reason
        line.close()


async def test_a_server_that_vanishes_fails_the_stream() -> None:
    async with grpc_server(echo) as port:
        line = line_to(port)
        line.open()
        async with asyncio.timeout(60):
            while not line.tape.arrivals:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
    await ended(line)
    assert line.tape.outcome == "failed"


async def test_no_server_is_a_failure_with_a_reason() -> None:
    line = line_to(1)
    line.open()
    await ended(line)
    assert line.tape.outcome == "failed"
    assert "no connection" in line.tape.reason


def test_a_message_of_several_frames_is_refused_beforehand() -> None:
    with pytest.raises(ValueError, match="more than one frame"):
        grpc_message(bytes(16_384))


@asynccontextmanager
async def socket_server(
    handler: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[int]:
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield server.sockets[0].getsockname()[1]


def socket_line(port: int) -> WebSocketLine:
    return WebSocketLine("127.0.0.1", port, frame(b"Done", text=True), b"Done!")


@pytest.mark.parametrize("size", [5, 125, 126, 6400, 70_000])
async def test_a_websocket_carries_messages_of_all_sizes(size: int) -> None:
    async def handler(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.ping()
            if message == "Done":
                await socket.send("Done!")
            else:
                await socket.send(message)

    async with socket_server(handler) as port:
        line = socket_line(port)
        line.open()
        for number in range(3):  # before there is a connection
            line.send(frame(bytes([number]) * size))
        line.finish()
        await ended(line)
        assert line.tape.outcome == "complete"
        assert [message for _, message in line.tape.arrivals] == [
            bytes([number]) * size for number in range(3)
        ]
        line.close()


@pytest.mark.parametrize(("status", "outcome"), [(503, "refused"), (429, "refused"), (404, "failed")])
async def test_a_websocket_that_is_not_opened(status: int, outcome: str) -> None:
    async def handler(socket: ServerConnection) -> None:
        raise AssertionError("never opened")

    def refuse(connection: ServerConnection, request: Request) -> Response:
        return Response(status, "no", Headers({"Content-Length": "0"}), b"")

    async with socket_server(handler, process_request=refuse) as port:
        line = socket_line(port)
        line.open()
        await ended(line)
        assert (line.tape.outcome, line.tape.reason) == (outcome, f"HTTP {status}")
        line.close()


async def test_a_websocket_that_is_closed_early_fails() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close()

    async with socket_server(handler) as port:
        line = socket_line(port)
        line.open()
        line.send(frame(b"x"))
        await ended(line)
        assert line.tape.outcome == "failed"
        line.close()
