"""SIGTERM on the supervisor: whoever has streams in Triton hears of it first, and is given time."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from amira_core.errors import EncoderLostError
from amira_decoder.encoder import EncoderGeometry
from amira_decoder.encoder.triton import TritonEncoder
from tests.support.batches import batch, windows
from tests.support.triton import TritonProcess, alive, wait_until


class Draining:
    """A Triton, and a client with one stream in it."""

    def __init__(self, triton: TritonProcess, encoder: TritonEncoder, geometry: EncoderGeometry) -> None:
        self.triton = triton
        self.encoder = encoder
        self._features = windows(geometry, 1)

    async def step(self, *, reset: bool = False) -> bool:
        return bool((await self.encoder.step(batch(self._features, [0], [5], reset))).accepted.all())

    async def hears_of_it(self) -> None:
        async with asyncio.timeout(120):
            while not self.encoder.draining:
                assert await self.encoder.ready(has_streams=True)
                await asyncio.sleep(0.05)


@pytest.fixture
async def draining(model_dir: Path) -> AsyncIterator[Draining]:
    triton = await asyncio.to_thread(TritonProcess.start, model_dir, 2, drain_timeout_s=600)
    encoder = TritonEncoder(triton.target)
    geometry = await encoder.connect()
    yield Draining(triton, encoder, geometry)
    await encoder.close()
    triton.process.kill()
    await asyncio.to_thread(triton.stop)


async def test_streams_are_served_until_they_have_left(draining: Draining) -> None:
    triton = draining.triton
    assert await draining.step(reset=True)
    triton.ask_to_stop()
    await draining.hears_of_it()
    for _ in range(3):
        assert await draining.step()
        await asyncio.sleep(0.3)
    assert triton.process.poll() is None
    pids = [triton.server_pid(), triton.stub_pid()]
    assert await draining.encoder.ready(has_streams=False)  # they have left
    assert await asyncio.to_thread(triton.process.wait, 120) == 0
    assert not any(map(alive, pids))
    assert triton.count("drain_timeout") == 0
    with pytest.raises(EncoderLostError):
        await draining.step()


async def test_a_client_that_died_is_not_waited_for(draining: Draining) -> None:
    assert await draining.step(reset=True)
    await draining.encoder.close()
    draining.triton.ask_to_stop()
    assert await asyncio.to_thread(draining.triton.process.wait, 120) == 0
    assert draining.triton.count("drain_timeout") == 0


async def test_without_streams_it_stops_at_once(draining: Draining) -> None:
    assert await draining.encoder.ready(has_streams=False)
    draining.triton.ask_to_stop()
    assert await asyncio.to_thread(draining.triton.process.wait, 120) == 0
    assert [e["event"] for e in draining.triton.events()][-2:] == ["draining", "triton_stopped"]


async def test_a_second_signal_ends_it_at_once(draining: Draining) -> None:
    triton = draining.triton
    assert await draining.step(reset=True)
    triton.ask_to_stop()
    await draining.hears_of_it()
    pids = [triton.server_pid(), triton.stub_pid()]
    triton.process.send_signal(signal.SIGTERM)
    status = await asyncio.to_thread(triton.process.wait, 120)
    assert status == -signal.SIGTERM
    wait_until(lambda: not any(map(alive, pids)), "Triton outlived its supervisor")
    assert triton.count("triton_stopped") == 0


async def test_a_stream_that_stays_is_given_up(model_dir: Path) -> None:
    triton = await asyncio.to_thread(TritonProcess.start, model_dir, 1, drain_timeout_s=0.5)
    encoder = TritonEncoder(triton.target)
    try:
        geometry = await encoder.connect()
        assert (await encoder.step(batch(windows(geometry, 1), [0], [5], True))).accepted.all()
        triton.ask_to_stop()
        while triton.process.poll() is None:
            await encoder.ready(has_streams=True)
            await asyncio.sleep(0.05)
        assert triton.process.returncode == 0
        assert triton.count("drain_timeout") == 1
    finally:
        await encoder.close()
        triton.process.kill()
        await asyncio.to_thread(triton.stop)
