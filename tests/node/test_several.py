"""Several nodes on one port, each with its encoder within."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from urllib.request import urlopen

import pytest

from amira_client import AmiraClient, Resuming
from amira_local.options import StackOptions
from amira_local.stack import LocalStack, StackError
from tests.node.test_process import finals
from tests.support.stack import StackThread

_STREAMS = 6
OPTIONS = StackOptions(ephemeral_ports=True, nodes=2, encoder="in_process", search="greedy")


@pytest.fixture(scope="module")
def pair() -> Iterator[StackThread]:
    with StackThread(OPTIONS) as stack:
        yield stack


def streams_of(stack: StackThread, node: str) -> float:
    with urlopen(f"http://{stack.stack.metrics[node]}/metrics", timeout=60) as page:
        lines = page.read().decode().splitlines()
    admitted = [line for line in lines if line.startswith("amira_gateway_streams_admitted_total")]
    return sum(float(line.rpartition(" ")[2]) for line in admitted)


@pytest.mark.slow
async def test_both_take_streams_at_one_address_and_find_the_same_words(pair: StackThread) -> None:
    nodes = ("node", "node-2")
    assert {*pair.stack.targets} == {*nodes}
    said = set()
    for _ in range(40):  # the kernel shares connections out by chance: all on one side once in 2^39 times
        async with AmiraClient(pair.stack.gateway_target) as client:
            if all(streams_of(pair, node) for node in nodes):
                break
            said.add(tuple(await finals(client)))
    assert all(streams_of(pair, node) for node in nodes)
    assert len(said) == 1


@pytest.mark.slow
async def test_a_killed_node_costs_no_word(pair: StackThread) -> None:
    """Its streams go on at the other, which knows nothing of them: from what their clients kept."""
    async with AmiraClient(pair.stack.gateway_target, resume=Resuming(for_s=200)) as client:
        undisturbed = await finals(client)
    pids = {node: pair.pid_of(node) for node in ("node", "node-2")}
    killed: list[int] = []

    def kill_first() -> None:
        if not killed:
            killed.append(pids["node"])
            os.kill(pids["node"], signal.SIGKILL)

    async with AsyncExitStack() as open_:
        clients = [
            await open_.enter_async_context(
                AmiraClient(pair.stack.gateway_target, resume=Resuming(for_s=200))
            )
            for _ in range(_STREAMS)
        ]
        told = await asyncio.gather(*(finals(client, kill_first) for client in clients))
    assert told == [undisturbed] * _STREAMS
    pair.wait_ready("node", not_pid=pids["node"])
    assert pair.pid_of("node-2") == pids["node-2"]


async def test_several_with_one_triton_are_refused() -> None:
    with pytest.raises(StackError, match="--encoder in-process"):
        await LocalStack(StackOptions(ephemeral_ports=True, nodes=2)).start()
