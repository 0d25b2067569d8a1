"""With a real Triton behind: whatever ends a stream gives its slot back; old generations are refused."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from amira.asr.v1 import speech_pb2_grpc
from amira.decoder.v1 import decoder_pb2_grpc
from amira.frontend.v1 import frontend_pb2_grpc
from amira_core import errors
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer
from amira_decoder.encoder.triton import TritonEncoder
from amira_decoder.settings import DecoderSettings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_local.ports import free_ports
from tests.conftest import ROOT
from tests.decoder.conftest import DecoderServer, serving
from tests.decoder.talk import Talk
from tests.decoder.test_slots_freed import PEER
from tests.gateway.scripted import audio, config
from tests.gateway.test_process import gateway, health
from tests.support.batches import batch, windows
from tests.support.features import fbank_of
from tests.support.triton import TritonProcess

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
SLOTS = 6


@pytest.fixture(scope="module")
def triton(model_dir: Path) -> Iterator[TritonProcess]:
    process = TritonProcess.start(model_dir, slots=SLOTS)
    yield process
    process.stop()


@pytest.fixture
async def server(model_dir: Path, triton: TritonProcess) -> AsyncIterator[DecoderServer]:
    settings = DecoderSettings(
        model_dir=model_dir, triton_target=triton.target, search="greedy", slot_check_interval_s=0.05
    )
    async with serving(settings) as running:
        yield running


async def freed(server: DecoderServer) -> None:
    """Waits until no slot is used: a peer's end is seen a moment after it."""
    async with asyncio.timeout(60):
        while server.decoder.describe().slots_used:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.02)
    assert server.decoder.describe().slots_orphaned == 0


async def started(stub: Any) -> Talk:
    """A stream that has state in Triton."""
    stream = await Talk.open(stub)
    await stream.say(fbank_of(CLIP)[:300])
    while not (await stream.next()).decoded_frames:
        pass
    return stream


async def test_the_ends_that_clients_bring_about(server: DecoderServer) -> None:
    channel = grpc.aio.insecure_channel(server.target, options=[*CHANNEL_OPTIONS, ("own", 1)])
    stub = decoder_pb2_grpc.DecoderStub(channel)
    ended, cancelled, half_closed, _cut_off = [await started(stub) for _ in range(4)]
    late = await Talk.open(stub, timeout_s=5.0)
    assert server.decoder.describe().slots_used == 5
    await ended.text()
    cancelled.call.cancel()
    await half_closed.call.done_writing()
    with pytest.raises((grpc.aio.AioRpcError, errors.AmiraError)):
        await late.next()
    assert await late.call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await channel.close()
    await freed(server)


async def test_a_peer_that_is_killed(server: DecoderServer) -> None:
    peer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PEER, server.target, stdout=asyncio.subprocess.PIPE
    )
    assert peer.stdout is not None
    assert await peer.stdout.readline() == b"open\n"
    assert server.decoder.describe().slots_used == 5
    peer.kill()
    await peer.wait()
    await freed(server)


async def test_a_lost_encoder_gives_all_slots_back_and_old_generations_are_refused(
    server: DecoderServer, triton: TritonProcess
) -> None:
    streams = [await started(server.stub) for _ in range(SLOTS)]
    with pytest.raises(errors.NoCapacityError):
        await Talk.open(server.stub)
    lent = server.decoder.lanes.all[0].live.slots.lent()
    reloads = triton.count("model_reloaded")
    triton.kill_stub()
    await streams[0].say(fbank_of(CLIP)[300:])
    for stream in streams:
        with pytest.raises(errors.EncoderLostError):
            await stream.read_to_the_end()
    await freed(server)
    await asyncio.to_thread(triton.wait_for_event, "model_reloaded", reloads + 1)
    async with asyncio.timeout(60):
        while server.decoder.lanes.current is None:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.02)
    for stream in [await started(server.stub) for _ in range(SLOTS)]:
        assert stream.accepted.slot < SLOTS
        late = TritonEncoder(triton.target)
        geometry = await late.connect()
        before = next(slot for slot in lent if slot.index == stream.accepted.slot)
        stale = batch(windows(geometry, 1), [before.index], [before.generation], False)
        assert not (await late.step(stale)).accepted.any()
        await late.close()
        await stream.say(fbank_of(CLIP)[300:])
        assert await stream.text()
    await freed(server)


async def test_a_gateway_that_is_killed(server: DecoderServer) -> None:
    frontend = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
    frontend_pb2_grpc.add_FrontendServicer_to_server(FrontendServicer(FrontendSettings()), frontend.grpc)
    frontend_port = await frontend.start()
    await frontend.set_ready(True)
    (port,) = free_ports(1)
    targets = {"frontend_target": f"127.0.0.1:{frontend_port}", "decoder_target": server.target}
    async with (
        gateway(port, **targets) as process,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel,
    ):
        while await health(channel) != health_pb2.HealthCheckResponse.SERVING:  # noqa: ASYNC110 - only asked
            await asyncio.sleep(0.05)
        call: Any = speech_pb2_grpc.SpeechStub(channel).StreamingRecognize()  # type: ignore[call-arg]
        await call.write(config())
        assert (await call.read()).HasField("session")
        await call.write(audio(bytes(64_000)))
        assert server.decoder.describe().slots_used == 1
        process.kill()
        await freed(server)
        call.cancel()
    await frontend.stop(0)
