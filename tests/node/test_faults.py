"""A node with a Triton of its own: what clients see when either dies is a pause."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from amira_client import AmiraClient, Resuming
from amira_local.options import StackOptions
from tests.node.test_process import finals
from tests.stack.test_faults import model_process_pid, tritonserver_pid
from tests.support.stack import StackThread


@pytest.fixture(scope="module")
def fragile() -> Iterator[StackThread]:
    """A stack of this module's own, to break."""
    env = {
        "AMIRA_TRITON_ENGINE": "onnxruntime",
        "AMIRA_TRITON_SLOTS": "8",
        "AMIRA_GATEWAY_RECOVERY_TIMEOUT_S": "200",
    }
    with StackThread(StackOptions(ephemeral_ports=True, nodes=1, search="greedy", env=env)) as stack:
        yield stack


@pytest.mark.slow
async def test_a_killed_part_is_but_a_pause(fragile: StackThread) -> None:
    victims: dict[str, Callable[[StackThread], int]] = {
        "model process": model_process_pid,
        "tritonserver": tritonserver_pid,
        "node": lambda stack: stack.pid_of("node"),
    }
    async with AmiraClient(fragile.stack.gateway_target, resume=Resuming(for_s=200)) as client:
        undisturbed = await finals(client)
        assert undisturbed
        for name, find_pid in victims.items():
            pid = find_pid(fragile)
            assert await finals(client, lambda pid=pid: os.kill(pid, signal.SIGKILL)) == undisturbed, name
