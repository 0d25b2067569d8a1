"""What clients see when a part dies under them: a clear status at once, and a working server soon after."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient, ServerError
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
        ephemeral_ports=True, env={"AMIRA_TRITON_ENGINE": "onnxruntime", "AMIRA_TRITON_SLOTS": "8"}
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


async def stream_until_broken(client: AmiraClient, break_it: Callable[[], None]) -> ServerError:
    """Streams for ever; breaks something once words come; returns what the client was told."""
    pcm = pcm_of(CLIP)
    heard = asyncio.Event()
    async with client.stream(PCM) as stream:

        async def send() -> None:
            while True:
                for begin in range(0, len(pcm), MESSAGE_BYTES):
                    await stream.send(pcm[begin : begin + MESSAGE_BYTES])
                    await asyncio.sleep(0.02)

        async def read() -> None:
            async for response in stream:
                if response.HasField("result"):
                    heard.set()

        sending, reading = asyncio.create_task(send()), asyncio.create_task(read())
        try:
            await asyncio.wait([asyncio.create_task(heard.wait()), reading], return_when="FIRST_COMPLETED")
            break_it()
            with pytest.raises(ServerError) as told:
                await asyncio.wait_for(reading, 30)
            return told.value
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def transcribe_when_possible(client: AmiraClient) -> str:
    """Retries as the server advises until a whole transcript comes."""
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        try:
            return (await client.transcribe(CLIP, config_pb2.RecognitionConfig())).text
        except ServerError as error:
            too_late = asyncio.get_running_loop().time() > deadline
            if too_late or error.status is grpc.StatusCode.INTERNAL:
                raise
            await asyncio.sleep(error.retry_after_s or 0.5)


@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        ("model process", "ENCODER_LOST"),
        ("tritonserver", "ENCODER_LOST"),
        ("triton", "ENCODER_LOST"),
        ("decoder", "DECODER_LOST"),
        ("frontend", "FRONTEND_LOST"),
    ],
)
async def test_a_killed_part_is_named_and_comes_back(fragile: StackThread, victim: str, reason: str) -> None:
    find_pid: dict[str, Callable[[StackThread], int]] = {
        "model process": model_process_pid,
        "tritonserver": tritonserver_pid,
    }
    async with AmiraClient(fragile.stack.gateway_target) as client:
        before = await transcribe_when_possible(client)
        assert before
        pid = find_pid[victim](fragile) if victim in find_pid else fragile.pid_of(victim)
        told = await stream_until_broken(client, lambda: os.kill(pid, signal.SIGKILL))
        assert told.status is grpc.StatusCode.UNAVAILABLE
        assert told.reason == reason
        assert told.retry_after_s is not None
        assert await transcribe_when_possible(client) == before


async def test_a_dead_gateway_is_unavailable_and_leaves_no_slot_taken(fragile: StackThread) -> None:
    async with AmiraClient(fragile.stack.gateway_target) as client:
        before = await transcribe_when_possible(client)
        pid = fragile.pid_of("gateway")
        told = await stream_until_broken(client, lambda: os.kill(pid, signal.SIGKILL))
        assert told.status is grpc.StatusCode.UNAVAILABLE
    await asyncio.to_thread(fragile.wait_ready, "gateway", not_pid=pid)
    async with AmiraClient(fragile.stack.gateway_target) as client:
        # As many as there are slots: none was leaked by all the deaths above.
        texts = await asyncio.gather(*(transcribe_when_possible(client) for _ in range(8)))
        assert set(texts) == {before}
