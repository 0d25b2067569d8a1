"""Every way in which a stream can end gives its slot back; a slot that leaks all the same is found."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from amira.asr.v1 import config_pb2
from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.live_streams import LiveStreams
from amira_decoder.settings import DecoderSettings
from tests.conftest import ROOT
from tests.decoder.conftest import DecoderServer, Request, serving
from tests.support.features import fbank_of

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
Config = config_pb2.RecognitionConfig
SLOTS = 200

PEER = """
import asyncio, sys
import grpc
from amira.asr.v1 import config_pb2
from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc

async def main():
    async with grpc.aio.insecure_channel(sys.argv[1]) as channel:
        calls = [decoder_pb2_grpc.DecoderStub(channel).Decode() for _ in range(5)]
        for call in calls:
            await call.write(decoder_pb2.DecodeRequest(config=config_pb2.RecognitionConfig()))
            await call.read()
            await call.write(decoder_pb2.DecodeRequest(features=bytes(320 * 50)))
        print("open", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def server(model_dir: Path) -> AsyncIterator[DecoderServer]:
    """A warm decoder with many slots that looks for orphans all the time."""
    settings = DecoderSettings(
        model_dir=model_dir,
        encoder="in_process",
        in_process_slots=SLOTS,
        search="greedy",
        slot_check_interval_s=0.05,
    )
    async with serving(settings) as running:
        yield running


async def opened(stub: Any, **options: float) -> Any:
    call = stub.Decode(**options)
    await call.write(Request(config=Config()))
    assert (await call.read()).HasField("accepted")
    return call


async def description(server: DecoderServer) -> decoder_pb2.DescribeResponse:
    stub: Any = server.stub  # its types are those of a blocking stub
    described: decoder_pb2.DescribeResponse = await stub.Describe(decoder_pb2.DescribeRequest())
    return described


async def used_becomes(server: DecoderServer, count: int) -> None:
    """Waits until so many slots are used: a peer's end is seen a moment after it."""
    async with asyncio.timeout(60):
        while (await description(server)).slots_used != count:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("way", ["end", "half-close", "cancel", "deadline", "disconnect"])
async def test_each_end_frees_the_slot(server: DecoderServer, way: str) -> None:
    channel = grpc.aio.insecure_channel(server.target, options=[*CHANNEL_OPTIONS, ("own", 1)])
    limits = {"timeout": 5.0} if way == "deadline" else {}
    call = await opened(decoder_pb2_grpc.DecoderStub(channel), **limits)
    await call.write(Request(features=fbank_of(CLIP)[:300].tobytes()))
    assert way == "deadline" or (await description(server)).slots_used == 1
    if way == "end":
        await call.write(Request(end={}))
    elif way == "half-close":
        await call.done_writing()
    elif way == "cancel":
        call.cancel()
    elif way == "disconnect":
        await channel.close()
    await used_becomes(server, 0)
    assert (await description(server)).slots_orphaned == 0
    await channel.close()


async def test_a_killed_peer_frees_its_slots(server: DecoderServer) -> None:
    peer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PEER, server.target, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert peer.stdout is not None
        assert await peer.stdout.readline() == b"open\n"
        assert (await description(server)).slots_used == 5
    finally:
        peer.kill()
        await peer.wait()
    await used_becomes(server, 0)
    assert (await description(server)).slots_orphaned == 0


async def test_no_slot_is_lost_when_many_streams_are_dropped(server: DecoderServer) -> None:
    """One in five goes without a word while every slot is in use."""
    features = Request(features=fbank_of(CLIP)[:120].tobytes())
    channels = [
        grpc.aio.insecure_channel(server.target, options=[*CHANNEL_OPTIONS, ("own", number)])
        for number in range(5)
    ]
    stubs = [decoder_pb2_grpc.DecoderStub(channel) for channel in channels]
    calls = await asyncio.gather(*(opened(stubs[number % 5]) for number in range(SLOTS)))
    assert (await description(server)).slots_used == SLOTS

    async def speak(call: Any, leaves: bool) -> None:
        await call.write(features)
        if leaves:
            call.cancel()
            return
        await call.write(Request(end={}))
        while await call.read() is not grpc.aio.EOF:
            pass
        assert await call.code() is grpc.StatusCode.OK

    await asyncio.gather(*(speak(call, number % 10 in (3, 8)) for number, call in enumerate(calls)))
    await used_becomes(server, 0)
    assert (await description(server)).slots_orphaned == 0
    for channel in channels:
        await channel.close()
    assert (await server.decode(fbank_of(CLIP)[:300]))[-1].decoded_frames == 300
    assert (await description(server)).slots_total == SLOTS


async def test_a_slot_that_no_stream_holds_is_freed_and_counted(server: DecoderServer) -> None:
    live = live_streams(server)
    live.slots.allocate()
    kept = await opened(server.stub)
    await used_becomes(server, 1)
    assert (await description(server)).slots_orphaned == 1
    kept.cancel()


async def test_a_stream_whose_call_is_long_over_is_closed_and_counted(server: DecoderServer) -> None:
    forgotten = await server.decoder.open_stream(Config(), is_call_over=lambda: True)
    await used_becomes(server, 0)
    assert forgotten.closed
    assert (await description(server)).slots_orphaned == 1


async def test_streams_that_live_are_left_alone(server: DecoderServer) -> None:
    call = await opened(server.stub)
    for _ in range(4):
        live_streams(server).free_orphans()
    assert (await description(server)).slots_used == 1
    await call.write(Request(features=fbank_of(CLIP)[:100].tobytes()))
    await call.write(Request(end={}))
    while await call.read() is not grpc.aio.EOF:
        pass
    assert await call.code() is grpc.StatusCode.OK


async def test_the_end_of_the_watch_ends_the_decoder(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would notice otherwise."""

    def fail(self: LiveStreams) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LiveStreams, "free_orphans", fail)
    settings = DecoderSettings(
        model_dir=model_dir, encoder="in_process", search="greedy", slot_check_interval_s=0.01
    )
    decoder = StreamingDecoder(settings)

    async def on_ready(ready: bool) -> None: ...

    try:
        with pytest.raises(ExceptionGroup) as ended:
            await asyncio.wait_for(decoder.run(on_ready), 60)
        assert ended.value.subgroup(ZeroDivisionError)
    finally:
        await decoder.close()


def live_streams(server: DecoderServer) -> LiveStreams:
    (lane,) = server.decoder.lanes.all
    return lane.live
