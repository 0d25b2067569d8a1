"""Degraded mode: a decoder whose Triton is gone serves a few streams itself, says so, and goes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from amira_core import errors
from amira_core.rpc.health import is_serving
from amira_decoder.settings import DecoderSettings
from amira_local.ports import free_ports
from tests.conftest import ROOT
from tests.decoder.conftest import DecoderServer, serving
from tests.decoder.talk import Talk
from tests.support.features import fbank_of
from tests.support.triton import TritonProcess

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
LIMIT_S = 60
"""For what must happen soon: a test never waits for it unless it fails."""


class Machine:
    """A place where Triton can be started, and ended, and started again at the same address."""

    def __init__(self, model_dir: Path) -> None:
        self.model_dir = model_dir
        self.target = f"127.0.0.1:{free_ports(1)[0]}"
        self.triton: TritonProcess | None = None

    def start(self) -> None:
        self.triton = TritonProcess.start(self.model_dir, slots=8, grpc_address=self.target)

    def stop(self) -> None:
        if self.triton is not None:
            self.triton.kill_server()
            self.triton.process.kill()
            self.triton.stop()
        self.triton = None


@pytest.fixture
def machine(model_dir: Path) -> Iterator[Machine]:
    made = Machine(model_dir)
    yield made
    made.stop()


@asynccontextmanager
async def decoder(machine: Machine, **settings: Any) -> AsyncIterator[DecoderServer]:
    values: dict[str, Any] = {
        "model_dir": machine.model_dir,
        "triton_target": machine.target,
        "degraded": "in_process",
        "degraded_after_s": 0.3,
        "degraded_streams": 2,
        "search": "greedy",
        **settings,
    }
    async with serving(DecoderSettings(**values)) as server:
        yield server


async def serves(server: DecoderServer) -> bool:
    async with grpc.aio.insecure_channel(server.target) as channel:
        return await is_serving(channel)


async def until(condition: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.02)


async def test_streams_run_here_while_triton_is_gone_and_there_once_it_is_back(machine: Machine) -> None:
    frames = fbank_of(CLIP)
    await asyncio.to_thread(machine.start)
    async with decoder(machine) as server:
        undisturbed = await Talk.open(server.stub)
        assert not undisturbed.accepted.degraded
        await undisturbed.say(frames)
        expected = await undisturbed.text()
        cut_off = await Talk.open(server.stub)
        await cut_off.say(frames[:600])
        while not (await cut_off.next()).decoded_frames:
            pass

        await asyncio.to_thread(machine.stop)
        await cut_off.say(frames[600:])
        with pytest.raises(errors.EncoderLostError):
            await cut_off.text()
        await until(lambda: server.decoder.degraded)
        assert await serves(server)
        assert server.decoder.describe().degraded
        here = [await Talk.open(server.stub) for _ in range(2)]
        assert all(stream.accepted.degraded for stream in here)
        assert here[0].accepted.model == undisturbed.accepted.model
        with pytest.raises(errors.NoCapacityError, match="All 2 streams"):
            await Talk.open(server.stub)
        await here[0].say(frames)
        assert await here[0].text() == expected, "the same engine finds the same words"
        await here[1].say(frames[:300])
        assert (server.decoder.degraded_streams, server.decoder.degraded_streams_opened) == (1, 2)

        await asyncio.to_thread(machine.start)
        await until(lambda: not server.decoder.degraded)
        there = await Talk.open(server.stub)
        assert not there.accepted.degraded
        assert not server.decoder.describe().degraded
        await here[1].say(frames[300:])
        await there.say(frames)
        assert await asyncio.gather(here[1].text(), there.text()) == [expected, expected]
        await until(lambda: len(server.decoder.lanes.all) == 1)
        assert (server.decoder.degraded_streams, server.decoder.degraded_streams_opened) == (0, 2)
        assert server.decoder.describe().slots_used == 0


async def test_a_decoder_starts_without_triton_and_finds_it_later(machine: Machine) -> None:
    async with decoder(machine, degraded_at_start_after_s=0.3) as server:
        first = await Talk.open(server.stub)
        assert first.accepted.degraded
        await asyncio.to_thread(machine.start)
        await until(lambda: not server.decoder.degraded)
        second = await Talk.open(server.stub)
        assert not second.accepted.degraded
        for stream in (first, second):
            await stream.say(fbank_of(CLIP))
        texts = await asyncio.gather(first.text(), second.text())
        assert texts[0]
        assert texts[1]


async def test_without_the_setting_streams_are_refused(machine: Machine) -> None:
    await asyncio.to_thread(machine.start)
    async with decoder(machine, degraded="off") as server:
        await asyncio.to_thread(machine.stop)
        await until(lambda: server.decoder.lanes.current is None)
        with pytest.raises(errors.EncoderLostError):
            await Talk.open(server.stub)
        assert not await serves(server)


async def test_a_model_that_is_there_no_more_is_not_replaced_by_another(
    machine: Machine, tmp_path: Path
) -> None:
    """The stand-in must be the model that was served, not what lies in its folder by now."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in machine.model_dir.iterdir():
        (folder / file.name).symlink_to(file)
    machine.model_dir = folder
    await asyncio.to_thread(machine.start)
    async with decoder(machine) as server:
        (folder / "encoder.onnx").unlink()
        (folder / "encoder.onnx").symlink_to((folder / "encoder.int8.onnx").resolve())
        await asyncio.to_thread(machine.stop)
        await until(lambda: server.decoder.lanes.current is None)
        await asyncio.sleep(1)
        with pytest.raises(errors.EncoderLostError):
            await Talk.open(server.stub)
