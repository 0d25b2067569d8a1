"""Calls within the process: back-pressure, both ways of cancelling, servers and channels that end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import grpc
import pytest

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.channel import open_channel
from amira_core.rpc.health import is_serving
from amira_core.rpc.in_process import InProcessChannel
from amira_core.rpc.in_process.pipe import CAPACITY_BYTES
from amira_core.rpc.server import RpcServer
from tests.core.in_process.talk import SERVICE, served

Request, Response = decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse
PIECE = bytes(3200)
ADDRESS = "in-process:tested"

whose: ContextVar[str] = ContextVar("whose", default="nobody's")


class Servicer(decoder_pb2_grpc.DecoderServicer):
    """Waits for `go`, then answers every request, with the bytes that came so far."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.over = asyncio.Event()
        self.got = 0
        self.context_of: list[str] = []
        self.ended_with: BaseException | None = None

    async def Decode(  # noqa: N802
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Response]:
        self.context_of.append(whose.get())
        whose.set("the handler's")
        try:
            await self.go.wait()
            async for request in request_iterator:
                self.got += len(request.features)
                yield Response(decoded_frames=self.got)
        except BaseException as error:
            self.ended_with = error
            raise
        finally:
            self.over.set()


@pytest.fixture
def servicer() -> Servicer:
    return Servicer()


@pytest.fixture
async def channel(servicer: Servicer) -> AsyncIterator[grpc.aio.Channel]:
    async with served(ADDRESS, servicer) as channel:
        yield channel


def decode(channel: grpc.aio.Channel, **options: Any) -> DuplexCall[Request, Response]:
    return DuplexCall(decoder_pb2_grpc.DecoderStub(channel).Decode(**options))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_writer_waits_while_nobody_reads(channel: grpc.aio.Channel, servicer: Servicer) -> None:
    call = decode(channel)
    sent = 0

    async def write() -> None:
        nonlocal sent
        for _ in range(100):
            await call.write(Request(features=PIECE))
            sent += len(PIECE)

    writing = asyncio.create_task(write())
    await settled()
    assert CAPACITY_BYTES - len(PIECE) < sent <= CAPACITY_BYTES + len(PIECE)
    servicer.go.set()
    await settled()
    # Nobody reads the answers either: they are small, but there is an end to them.
    for _ in range(100):
        response = await call.read()
        assert response is not None
    assert response.decoded_frames == 100 * len(PIECE)
    await writing
    await call.done_writing()
    assert await call.read() is None


async def test_a_cancelled_call_ends_its_handler(channel: grpc.aio.Channel, servicer: Servicer) -> None:
    call = decode(channel)
    await settled()
    call.cancel()
    await servicer.over.wait()
    assert isinstance(servicer.ended_with, asyncio.CancelledError)
    assert not await call.write(Request(features=PIECE))


async def test_a_reader_that_is_cancelled_ends_its_call(
    channel: grpc.aio.Channel, servicer: Servicer
) -> None:
    servicer.go.set()
    reading = asyncio.create_task(decode(channel).read())
    await settled()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    async with asyncio.timeout(60):
        await servicer.over.wait()


async def test_a_writer_learns_that_the_call_is_over_while_it_waits(
    channel: grpc.aio.Channel, servicer: Servicer
) -> None:
    call = decode(channel, timeout=1)

    async def flood() -> int:
        count = 0
        while await call.write(Request(features=PIECE)):
            count += 1
        return count

    flooding = asyncio.create_task(flood())
    await settled()
    assert not flooding.done()
    assert await flooding > 0


async def test_a_deadline_ends_both_sides(channel: grpc.aio.Channel, servicer: Servicer) -> None:
    call = decode(channel, timeout=0.05)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await servicer.over.wait()
    assert isinstance(servicer.ended_with, asyncio.CancelledError)


async def test_nothing_of_the_callers_context_gets_to_the_handler(
    channel: grpc.aio.Channel, servicer: Servicer
) -> None:
    whose.set("the caller's")
    servicer.go.set()
    for _ in range(2):
        call = decode(channel)
        await call.done_writing()
        assert await call.read() is None
    assert servicer.context_of == ["nobody's", "nobody's"]
    assert whose.get() == "the caller's"


async def test_a_server_that_stops_cuts_off_its_calls(servicer: Servicer) -> None:
    server = RpcServer(ADDRESS, SERVICE)
    decoder_pb2_grpc.add_DecoderServicer_to_server(servicer, server.grpc)
    await server.start()
    async with open_channel(ADDRESS) as channel:
        call = decode(channel)
        await settled()
        await server.stop(0.01)
        assert servicer.over.is_set()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_calls_are_unavailable_without_a_server_and_work_once_there_is_one(servicer: Servicer) -> None:
    async with open_channel(ADDRESS) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await decode(channel).read()
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not await is_serving(channel)
        ready = asyncio.create_task(channel.channel_ready())
        servicer.go.set()
        async with served(ADDRESS, servicer):
            async with asyncio.timeout(60):
                await ready
            call = decode(channel)
            await call.write(Request(features=PIECE))
            assert await call.read() == Response(decoded_frames=len(PIECE))
            assert await is_serving(channel)


async def test_two_servers_cannot_have_one_name(servicer: Servicer) -> None:
    async with served(ADDRESS, servicer):
        with pytest.raises(OSError, match="in-process:tested"):
            await RpcServer(ADDRESS, SERVICE).start()


async def test_a_channel_that_is_closed_cancels_its_calls(servicer: Servicer) -> None:
    async with served(ADDRESS, servicer):
        channel = InProcessChannel("tested")
        call = decode(channel)
        await settled()
        await channel.close()
        await servicer.over.wait()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        assert failure.value.code() is grpc.StatusCode.CANCELLED
        with pytest.raises(grpc.aio.UsageError):
            decode(channel)


async def test_requests_may_come_from_an_iterator(channel: grpc.aio.Channel, servicer: Servicer) -> None:
    async def requests() -> AsyncIterator[Request]:
        yield Request(features=PIECE)
        yield Request(features=PIECE)

    servicer.go.set()
    answers = [answer async for answer in decoder_pb2_grpc.DecoderStub(channel).Decode(requests())]
    assert [answer.decoded_frames for answer in answers] == [3200, 6400]


async def test_many_calls_leave_nothing_behind(channel: grpc.aio.Channel, servicer: Servicer) -> None:
    servicer.go.set()
    before = len(asyncio.all_tasks())

    async def talk(number: int) -> int:
        call = decode(channel)
        for _ in range(number % 7):
            await call.write(Request(features=PIECE))
        if number % 3 == 0:
            call.cancel()
            return 0
        await call.done_writing()
        heard = 0
        while await call.read() is not None:
            heard += 1
        return heard

    heard = await asyncio.gather(*(talk(number) for number in range(100)))
    assert heard == [0 if number % 3 == 0 else number % 7 for number in range(100)]
    await settled()
    assert len(asyncio.all_tasks()) == before
