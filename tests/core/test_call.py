"""DuplexCall: every message that came, then the true status, also when a write was under way."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.interceptor import ErrorInterceptor
from amira_core.rpc.options import CHANNEL_OPTIONS, SERVER_OPTIONS

MESSAGES = 50


class Talker(grpc.GenericRpcHandler):
    """Reads once, says fifty things, and ends as the method says, never reading again."""

    def service(self, handler_call_details: Any) -> Any:
        async def talk(request: Any, context: Any) -> None:
            await context.read()
            for count in range(MESSAGES):
                await context.write(b"%d" % count)
            await asyncio.sleep(0.1)
            if handler_call_details.method == "/x/refuse":
                raise errors.HotwordError("too many")

        return grpc.stream_stream_rpc_method_handler(talk)


@pytest.fixture
async def channel() -> Any:
    server = grpc.aio.server(interceptors=[ErrorInterceptor()], options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((Talker(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
        yield channel
    await server.stop(None)


async def flood(call: DuplexCall[bytes, bytes]) -> None:
    while await call.write(bytes(50_000)):
        pass


async def read_all(call: DuplexCall[bytes, bytes]) -> tuple[int, grpc.StatusCode]:
    count = 0
    try:
        while await call.read() is not None:
            count += 1
    except grpc.aio.AioRpcError as failure:
        return count, failure.code()
    return count, grpc.StatusCode.OK


@pytest.mark.parametrize("late", [False, True], ids=["reads at once", "reads after the end"])
@pytest.mark.parametrize(
    ("method", "code"), [("refuse", grpc.StatusCode.INVALID_ARGUMENT), ("fine", grpc.StatusCode.OK)]
)
async def test_nothing_is_lost_to_a_write_under_way(
    channel: grpc.aio.Channel, method: str, code: grpc.StatusCode, late: bool
) -> None:
    async def one() -> tuple[int, grpc.StatusCode]:
        call: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream(f"/x/{method}")())
        writing = asyncio.create_task(flood(call))
        if late:
            await writing
        ended = await read_all(call)
        await writing
        assert await read_all(call) == (0, ended[1])  # the end stays what it was
        return ended

    assert await asyncio.gather(*(one() for _ in range(5))) == [(MESSAGES, code)] * 5


async def test_a_cancelled_call_is_over_for_reader_and_writer(channel: grpc.aio.Channel) -> None:
    call: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream("/x/fine")())
    reading = asyncio.create_task(read_all(call))
    await asyncio.sleep(0.05)
    call.cancel()
    assert await reading == (0, grpc.StatusCode.CANCELLED)
    assert not await call.write(b"")
    await call.done_writing()


async def test_nobody_there() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        call: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream("/x/fine")())
        assert not await call.write(b"")
        assert await read_all(call) == (0, grpc.StatusCode.UNAVAILABLE)
