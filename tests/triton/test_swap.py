"""A new model beside the old one in Triton: loaded, watched, healed, and unloaded once nobody needs it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from amira_core.errors import EncoderLostError
from amira_core.rpc.health import is_serving
from amira_decoder.encoder.triton import TritonEncoder
from amira_encoder.model_folder import find_encoder, fingerprint
from amira_triton.stub_process import find_stubs
from tests.support.batches import batch, windows
from tests.support.other_model import write_other_model
from tests.support.triton import TritonProcess, alive, wait_until

SLOTS = 4


@pytest.fixture(scope="module")
def other_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_other_model(model_dir, tmp_path_factory.mktemp("models") / "v2")


class Swapping:
    """A Triton whose model folder is a link."""

    def __init__(self, link: Path, triton: TritonProcess) -> None:
        self.link = link
        self.triton = triton

    def swap(self, target: Path) -> dict[str, object]:
        """Points the link elsewhere and says so; gives what the supervisor logged of it."""
        outcomes = ("model_current", "model_refused")
        before = sum(map(self.triton.count, outcomes))
        fresh = self.link.with_name("fresh")
        fresh.symlink_to(target)
        fresh.replace(self.link)
        self.triton.process.send_signal(signal.SIGHUP)
        wait_until(lambda: sum(map(self.triton.count, outcomes)) > before, "no word of the swap", 60)
        return [entry for entry in self.triton.events() if entry["event"] in outcomes][-1]


@pytest.fixture
async def swapping(model_dir: Path, tmp_path: Path) -> AsyncIterator[Swapping]:
    link = tmp_path / "current"
    link.symlink_to(model_dir)
    triton = await asyncio.to_thread(TritonProcess.start, link, SLOTS, release_after_s=5)
    yield Swapping(link, triton)
    await asyncio.to_thread(triton.stop)


def encoder_of(folder: Path, triton: TritonProcess) -> TritonEncoder:
    return TritonEncoder(triton.target, connect_timeout_s=60, fingerprint=fingerprint(find_encoder(folder)))


@pytest.mark.slow
async def test_old_streams_go_on_beside_new_ones_and_the_old_model_is_unloaded(
    swapping: Swapping, model_dir: Path, other_dir: Path
) -> None:
    triton = swapping.triton
    old = encoder_of(model_dir, triton)
    geometry = await old.connect()
    features = windows(geometry, 1)
    steps = [await old.step(batch(features, [0], [5], True))]
    outcome = await asyncio.to_thread(swapping.swap, other_dir)
    assert outcome["event"] == "model_current"
    new = encoder_of(other_dir, triton)
    await new.connect()
    assert len(find_stubs(triton.server_pid())) == 2
    opposite = [await new.step(batch(features, [0], [9], True))]
    for _ in range(3):
        steps.append(await old.step(batch(features, [0], [5], False)))
        opposite.append(await new.step(batch(features, [0], [9], False)))
    for mine, theirs in zip(steps, opposite, strict=True):
        assert mine.accepted.all()
        assert theirs.accepted.all()
        np.testing.assert_array_equal(mine.frames, -theirs.frames)
    refused = await new.step(batch(features, [0], [5], False))
    assert not refused.accepted.any(), "a generation of the old model's table was taken in the new one's"
    for _ in range(28):  # a stream that says nothing keeps its model, too
        await asyncio.sleep(0.25)
        assert await old.ready(has_streams=True)
    assert triton.count("model_unloaded") == 0
    await asyncio.to_thread(triton.wait_for_event, "model_unloaded")
    wait_until(lambda: len(find_stubs(triton.server_pid())) == 1, "the old model's process lives on")
    assert not await old.ready()
    assert await new.ready()
    with pytest.raises(EncoderLostError):
        await old.step(batch(features, [0], [5], False))
    assert (await new.step(batch(features, [0], [9], False))).accepted.all()
    # A dead model that was loaded beside another one is loaded again, too.
    triton.kill_stub()
    await asyncio.to_thread(triton.wait_for_event, "model_reloaded")
    assert await new.ready()
    assert not (await new.step(batch(features, [0], [9], False))).accepted.any()
    # So it is after the whole server died.
    triton.kill_server()
    await asyncio.to_thread(triton.wait_for_event, "triton_ready", 2)
    assert await new.ready()
    assert (await new.step(batch(features, [0], [9], True))).accepted.all()
    assert not await old.ready()
    assert old.runs_other_model
    for client in (old, new):
        await client.close()


@pytest.mark.slow
async def test_a_broken_model_is_refused_and_going_back_is_a_swap_like_any_other(
    swapping: Swapping, model_dir: Path, other_dir: Path, tmp_path: Path
) -> None:
    triton = swapping.triton
    old = encoder_of(model_dir, triton)
    await old.connect()
    broken = tmp_path / "broken"
    shutil.copytree(other_dir, broken)
    (broken / "encoder.onnx").write_bytes((broken / "encoder.onnx").read_bytes()[:100_000])
    outcome = await asyncio.to_thread(swapping.swap, broken)
    assert outcome["event"] == "model_refused"
    assert "encoder.onnx" in str(outcome["problem"])
    assert "\n" not in str(outcome["problem"])
    async with grpc.aio.insecure_channel(triton.target) as channel:
        assert await is_serving(channel), "a refused model made the one that runs look dead"
    nowhere = await asyncio.to_thread(swapping.swap, tmp_path / "nowhere")
    assert "model folder not found" in str(nowhere["problem"])
    assert await old.ready()
    # The last good model is started again, not the broken one.
    triton.kill_server()
    await asyncio.to_thread(triton.wait_for_event, "triton_ready", 2)
    assert await old.ready()
    there = await asyncio.to_thread(swapping.swap, other_dir)
    back = await asyncio.to_thread(swapping.swap, model_dir)
    assert (there["loaded"], back["loaded"]) == (True, False)
    await asyncio.to_thread(triton.wait_for_event, "model_unloaded")
    assert await old.ready()
    await old.close()
    pids = [triton.server_pid(), *find_stubs(triton.server_pid())]
    assert await asyncio.to_thread(triton.stop) == 0
    assert not any(map(alive, pids))


async def test_a_hung_old_model_is_healed_by_itself(
    swapping: Swapping, model_dir: Path, other_dir: Path
) -> None:
    triton = swapping.triton
    hung = triton.stub_pid()
    await asyncio.to_thread(swapping.swap, other_dir)
    new = encoder_of(other_dir, triton)
    geometry = await new.connect()
    assert (await new.step(batch(windows(geometry, 1), [0], [9], True))).accepted.all()
    os.kill(hung, signal.SIGKILL)
    await asyncio.to_thread(triton.wait_for_event, "model_reloaded")
    assert (await new.step(batch(windows(geometry, 1), [0], [9], False))).accepted.all()
    await new.close()
