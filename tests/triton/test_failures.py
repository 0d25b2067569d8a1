"""Triton dies in every way it can; the supervisor brings it back and the client says what happened."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from amira_core.errors import EncoderLostError, InternalError
from amira_decoder.encoder import EncoderOutput
from amira_decoder.encoder.triton import TritonEncoder
from amira_triton.shared_memory import region_prefix
from tests.support.batches import batch, windows
from tests.support.triton import TritonProcess, alive, wait_until
from tests.triton.conftest import SLOTS


async def _start_stream(encoder: TritonEncoder) -> EncoderOutput:
    geometry = await encoder.connect()
    return await encoder.step(batch(windows(geometry, 1), [0], [50], True))


async def _until_back(encoder: TritonEncoder) -> EncoderOutput:
    """Goes on with the stream of :func:`_start_stream` until there is an answer."""
    geometry = await encoder.connect()
    deadline = time.monotonic() + 120
    while True:
        try:
            return await encoder.step(batch(windows(geometry, 1), [0], [50], False))
        except EncoderLostError:
            assert time.monotonic() < deadline, "Triton did not come back"
            await asyncio.sleep(0.02)


async def test_a_dead_stub_is_replaced_without_a_server_restart(
    encoder: TritonEncoder, triton: TritonProcess
) -> None:
    assert (await _start_stream(encoder)).accepted.all()
    server, reloads = triton.server_pid(), triton.count("model_reloaded")
    geometry = await encoder.connect()
    features = windows(geometry, SLOTS)
    with triton.frozen_stub():
        step = asyncio.create_task(encoder.step(batch(features, range(SLOTS), [51] * SLOTS, True)))
        await asyncio.sleep(0.05)
        triton.kill_stub()  # in mid-step
    with pytest.raises(EncoderLostError):
        await step
    assert not (await _until_back(encoder)).accepted.any(), "a state survived its process"
    await asyncio.to_thread(triton.wait_for_event, "model_reloaded", reloads + 1)
    assert triton.server_pid() == server
    assert alive(server)
    assert (await _start_stream(encoder)).accepted.all()


async def test_a_stub_killed_between_steps_is_noticed_without_any_request(triton: TritonProcess) -> None:
    reloads = triton.count("model_reloaded")
    triton.kill_stub()
    event = await asyncio.to_thread(triton.wait_for_event, "model_reloaded", reloads + 1)
    assert alive(event["stub_pid"])


async def test_a_dead_server_is_restarted(encoder: TritonEncoder, triton: TritonProcess) -> None:
    assert (await _start_stream(encoder)).accepted.all()
    geometry = await encoder.connect()
    stub, ready = triton.stub_pid(), triton.count("triton_ready")
    triton.kill_server()
    with pytest.raises(EncoderLostError):
        await encoder.step(batch(windows(geometry, 1), [0], [50], False))
    await asyncio.to_thread(triton.wait_for_event, "triton_ready", ready + 1)
    assert not (await _until_back(encoder)).accepted.any()
    assert not alive(stub), "the dead server's stub lives on"
    assert (await _start_stream(encoder)).accepted.all()


async def test_a_hung_stub_is_replaced(encoder: TritonEncoder, triton: TritonProcess) -> None:
    await _start_stream(encoder)
    stub = triton.stub_pid()
    os.kill(stub, signal.SIGSTOP)
    assert not (await _until_back(encoder)).accepted.any()
    assert not alive(stub)


async def test_a_step_in_a_hung_server_ends_at_its_deadline(triton: TritonProcess) -> None:
    encoder = TritonEncoder(triton.target, timeout_ms=300)
    geometry = await encoder.connect()
    os.kill(triton.server_pid(), signal.SIGSTOP)
    try:
        with pytest.raises(EncoderLostError, match="did not answer within 300 ms"):
            await encoder.step(batch(windows(geometry, 1), [0], [50], True))
    finally:
        os.kill(triton.server_pid(), signal.SIGCONT)
        await encoder.close()


@pytest.mark.slow
async def test_a_hung_server_is_restarted(model_dir: Path) -> None:
    triton = TritonProcess.start(model_dir, slots=1, canary_timeout_ms=800, stop_timeout_s=1)
    hung = triton.server_pid()
    os.kill(hung, signal.SIGSTOP)
    await asyncio.to_thread(triton.wait_for_event, "triton_ready", 2)
    assert not alive(hung)
    assert triton.stop() == 0


async def test_a_malformed_batch_is_our_defect_and_does_no_harm(encoder: TritonEncoder) -> None:
    await _start_stream(encoder)
    geometry = await encoder.connect()
    features = windows(geometry, 1)
    for wrong in (
        batch(features[:, :-1], [0], [50], False),
        batch(features, [0, 1], [50, 50], False),
        batch(features, [0], [50, 51], [False]),
    ):
        with pytest.raises(InternalError) as caught:
            await encoder.step(wrong)
        assert caught.value.message == "The encoder refused a batch."
    assert (await encoder.step(batch(features, [0], [50], False))).accepted.all()


async def test_a_cancelled_step_leaves_a_working_client(
    encoder: TritonEncoder, triton: TritonProcess
) -> None:
    geometry = await encoder.connect()
    with triton.frozen_stub():
        step = asyncio.create_task(
            encoder.step(batch(windows(geometry, SLOTS), range(SLOTS), [9] * SLOTS, True))
        )
        await asyncio.sleep(0.02)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
    assert (await _start_stream(encoder)).accepted.all()


async def test_a_closed_client_says_so(triton: TritonProcess) -> None:
    encoder = TritonEncoder(triton.target)
    geometry = await encoder.connect()
    with triton.frozen_stub():
        running = asyncio.create_task(encoder.step(batch(windows(geometry, 4), range(4), [9] * 4, True)))
        await asyncio.sleep(0.02)
        await encoder.close()
        await encoder.close()
        with pytest.raises(EncoderLostError):
            await running
    with pytest.raises(EncoderLostError):
        await encoder.step(batch(windows(geometry, 1), [0], [9], True))
    assert not await encoder.ready()


def test_no_supervisor_leaves_anything_behind(model_dir: Path) -> None:
    """A killed one's processes end with it, and the next one removes its shared memory."""
    killed = TritonProcess.start(model_dir, slots=2)
    processes = killed.server_pid(), killed.stub_pid()
    killed.process.kill()
    killed.process.wait()
    killed.stop()
    wait_until(lambda: not any(map(alive, processes)), "Triton outlived its supervisor")
    assert _regions(killed), "nothing was left: this test proves less than it says"
    stopped = TritonProcess.start(model_dir, slots=2)
    assert not _regions(killed)
    processes = stopped.server_pid(), stopped.stub_pid()
    assert _regions(stopped)
    stopped.kill_stub()  # a server that lost a stub would wait for it when it is stopped
    stopped.wait_for_event("model_reloaded")
    processes = (*processes, stopped.stub_pid())
    assert stopped.stop() == 0
    assert not any(map(alive, processes))
    assert not _regions(stopped)


def _regions(triton: TritonProcess) -> list[Path]:
    """A supervisor's shared memory regions."""
    namespace = region_prefix().split("_")[2]
    folder = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory is
    return list(folder.glob(f"amira_triton_{namespace}_{triton.process.pid}_*"))


async def test_a_model_process_ends_with_a_server_that_was_killed_in_mid_step(model_dir: Path) -> None:
    """With nobody left to end it: the supervisor is killed too. What the server had locked stays locked."""
    triton = await asyncio.to_thread(TritonProcess.start, model_dir, SLOTS)
    encoder = TritonEncoder(triton.target)
    geometry = await encoder.connect()
    processes = triton.server_pid(), triton.stub_pid()

    async def step_on() -> None:
        while True:
            await encoder.step(batch(windows(geometry, SLOTS), range(SLOTS), [5] * SLOTS, True))

    stepping = asyncio.create_task(step_on())
    await asyncio.sleep(0.2)
    triton.kill_server()
    triton.process.kill()
    with pytest.raises(EncoderLostError):
        await stepping
    await encoder.close()
    try:
        await asyncio.to_thread(
            wait_until, lambda: not any(map(alive, processes)), "it outlived its server and its supervisor"
        )
    finally:
        triton.stop()
