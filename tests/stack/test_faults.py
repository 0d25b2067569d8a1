"""What clients see when a part of `amira up` dies under them: nothing but a pause."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amira_client import AmiraClient, Resuming, Retrying
from amira_local.options import StackOptions
from amira_triton.stub_process import find_stub
from tests.conftest import ROOT
from tests.stack.test_words import PCM, pcm_of
from tests.support.stack import StackThread

CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
MESSAGE_BYTES = 6400


@pytest.fixture(scope="module")
def fragile() -> Iterator[StackThread]:
    """A stack of this module's own, to break."""
    options = StackOptions(
        ephemeral_ports=True,
        env={
            "AMIRA_TRITON_ENGINE": "onnxruntime",
            "AMIRA_TRITON_SLOTS": "8",
            "AMIRA_GATEWAY_RECOVERY_TIMEOUT_S": "200",  # on a slow machine a decoder takes its time to start
        },
    )
    with StackThread(options) as stack:
        yield stack


def tritonserver_pid(stack: StackThread) -> int:
    supervisor = stack.pid_of("triton")
    for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        if b"tritonserver" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise AssertionError("no tritonserver below the supervisor")


def model_process_pid(stack: StackThread) -> int:
    stub = find_stub(tritonserver_pid(stack))
    assert stub is not None
    return stub


async def stream_clip(client: AmiraClient, break_it: Callable[[], None] | None = None) -> list[str]:
    """The finals of a clip, at ten times its speed; breaks something in the middle, once words have come."""
    pcm = pcm_of(CLIP)
    heard = asyncio.Event()
    finals: list[str] = []
    async with client.stream(PCM) as stream:

        async def read() -> None:
            async for response in stream:
                if response.HasField("result"):
                    heard.set()
                    if response.result.is_final:
                        finals.append(response.result.alternatives[0].text)

        reading = asyncio.create_task(read())
        for begin in range(0, len(pcm), MESSAGE_BYTES):
            if break_it is not None and begin > len(pcm) / 2:
                await asyncio.wait_for(heard.wait(), 120)  # a busy machine finds words late
                break_it()
                break_it = None
            await stream.send(pcm[begin : begin + MESSAGE_BYTES])
            await asyncio.sleep(0.02)
        await stream.end()
        async with asyncio.timeout(240):
            await reading
    return finals


@pytest.mark.parametrize(
    "victim", ["model process", "tritonserver", "triton", "decoder", "frontend", "gateway"]
)
async def test_a_killed_part_is_but_a_pause(fragile: StackThread, victim: str) -> None:
    """There is one of each: the stream waits until it is back. The client goes round the gateway's death."""
    find_pid: dict[str, Callable[[StackThread], int]] = {
        "model process": model_process_pid,
        "tritonserver": tritonserver_pid,
    }
    async with AmiraClient(fragile.stack.gateway_target, resume=Resuming(for_s=200)) as client:
        undisturbed = await stream_clip(client)
        assert undisturbed
        pid = find_pid[victim](fragile) if victim in find_pid else fragile.pid_of(victim)
        assert await stream_clip(client, lambda: os.kill(pid, signal.SIGKILL)) == undisturbed


async def test_no_slot_was_leaked(fragile: StackThread) -> None:
    # A slot may come back a moment after the end of its stream.
    async with AmiraClient(fragile.stack.gateway_target, retry=Retrying(for_s=60)) as client:
        # As many as there are slots, after all the deaths above.
        heard = await asyncio.gather(*(stream_clip(client) for _ in range(8)))
        assert all(finals == heard[0] for finals in heard)
