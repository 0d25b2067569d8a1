"""Nodes as processes: settings, one page of metrics, and what a client sees of a node's end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest

from amira_client import AmiraClient, Resuming
from amira_local.options import StackOptions
from tests.node.test_words import CONFIG, pcm
from tests.support.stack import StackThread

OPTIONS = StackOptions(ephemeral_ports=True, nodes=1, encoder="in_process", search="greedy")


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[StackThread]]:
    """Two nodes, whose clients know both."""
    with StackThread(OPTIONS) as first, StackThread(OPTIONS) as second:
        yield [first, second]


def targets(nodes: list[StackThread]) -> str:
    return ",".join(node.stack.gateway_target for node in nodes)


async def finals(client: AmiraClient, disturb: Callable[[], None] | None = None) -> list[str]:
    """Streams a clip at ten times its speed, and disturbs it in the middle, once words have come."""
    said: list[str] = []
    heard = asyncio.Event()
    async with client.stream(CONFIG) as stream:

        async def read() -> None:
            async for response in stream:
                if response.HasField("result"):
                    heard.set()
                    if response.result.is_final:
                        said.append(response.result.alternatives[0].text)

        reading = asyncio.create_task(read())
        for begin in range(0, len(pcm()), 6400):
            if disturb is not None and begin > len(pcm()) / 2:
                await asyncio.wait_for(heard.wait(), 120)  # a busy machine finds words late
                disturb()
                disturb = None
            await stream.send(pcm()[begin : begin + 6400])
            await asyncio.sleep(0.02)
        await stream.end()
        async with asyncio.timeout(240):
            await reading
    return said


@pytest.mark.slow
def test_one_page_has_the_metrics_of_all_three(nodes: list[StackThread]) -> None:
    with urlopen(f"http://{nodes[0].stack.metrics['node']}/metrics", timeout=60) as page:
        lines = page.read().decode().splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if line and not line.startswith("#")]
    assert len(samples) == len(set(samples)), "every series once"
    assert "amira_ready 1.0" in lines
    for name in ("amira_gateway_streams_limit", "amira_frontend_streams_limit", "amira_decoder_slots"):
        assert name in samples


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_a_stream_outlives_its_node(nodes: list[StackThread], ending: signal.Signals) -> None:
    """With another node beside it: killed, or told to stop. The words are those of an undisturbed stream."""
    async with AmiraClient(targets(nodes), resume=Resuming(for_s=200)) as client:
        undisturbed = await finals(client)
        assert undisturbed
    pid = nodes[0].pid_of("node")  # clients begin at the first one they were told of
    async with AmiraClient(targets(nodes), resume=Resuming(for_s=200)) as client:
        assert await finals(client, lambda: os.kill(pid, ending)) == undisturbed
    nodes[0].wait_ready("node", not_pid=pid)


@pytest.mark.parametrize(
    "setting",
    [
        "AMIRA_GATEWAY_DECODER_TARGET",
        "AMIRA_FRONTEND_LISTEN",
        "AMIRA_DECODER_METRICS_ADDRESS",
    ],
)
def test_what_a_node_cannot_have_is_said(setting: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "amira_node"],
        env={**os.environ, setting: "127.0.0.1:5"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2
    assert setting in done.stderr
    assert "unset it" in done.stderr
