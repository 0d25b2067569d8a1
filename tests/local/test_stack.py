"""The local stack with real services: start, death, restart, stop, and nobody left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from amira_client import AmiraClient
from amira_local.options import StackOptions
from amira_local.ports import free_ports, is_taken
from amira_local.process_tree import descendants
from amira_local.services import plan
from amira_local.stack import LocalStack, StackError, StackEvent

LIGHT = StackOptions(ephemeral_ports=True, encoder="in_process", search="beam")
PATIENCE_S = 200


def alive(pids: Collection[int]) -> list[int]:
    """Those of `pids` that still run (a zombie does not)."""
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(pid)
    return running


async def all_gone(pids: Collection[int]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while alive(pids):  # noqa: ASYNC110 - other programs' ends cannot be awaited
            await asyncio.sleep(0.05)


async def test_a_killed_service_comes_back_until_it_is_given_up_and_stop_leaves_nobody(
    tmp_path: Path,
) -> None:
    events: list[StackEvent] = []
    lines: list[tuple[str, str]] = []
    options = StackOptions(**{**vars(LIGHT), "log_dir": tmp_path, "max_restarts": 1})
    stack = LocalStack(options, on_event=events.append, on_line=lambda *line: lines.append(line))
    async with stack:
        assert [e.service for e in events if e.kind == "ready"] == ["frontend", "decoder", "gateway"]
        pids = {process.pid for process in stack.processes.values()}
        killed = stack.processes["frontend"].pid
        os.kill(killed, signal.SIGKILL)
        await stack.wait_ready("frontend", not_pid=killed)
        died = next(event for event in events if event.kind == "died")
        assert (died.service, died.detail) == ("frontend", "killed by SIGKILL")
        assert any("listening" in line for line in died.last_lines)
        pids |= {process.pid for process in stack.processes.values()}
        assert len(pids) == 4
        async with AmiraClient(stack.gateway_target) as client:
            assert (await client.capabilities()).models
        stack.processes["frontend"].kill()
        error = await asyncio.wait_for(stack.failure(), PATIENCE_S)
        assert "frontend died 2 times in a row" in str(error)
        assert [event.kind for event in events][-2:] == ["died", "gave_up"]
    assert alive(pids) == []
    assert [e.service for e in events if e.kind == "stopped"] == ["gateway", "decoder", "frontend"]
    assert {service for service, _ in lines} == {"frontend", "decoder", "gateway"}
    assert (tmp_path / "gateway.log").read_text().strip()


async def test_a_death_at_start_stops_the_stack_with_its_last_words() -> None:
    stack = LocalStack(StackOptions(**{**vars(LIGHT), "env": {"AMIRA_DECODER_BEAM": "wide"}}))
    with pytest.raises(StackError, match=r"(?s)decoder died at start .exit status 2.*AMIRA_DECODER_BEAM"):
        await stack.start()
    assert stack.processes == {}


async def test_a_service_that_never_gets_ready_is_reported() -> None:
    options = StackOptions(**{**vars(LIGHT), "start_timeout_s": 0.05, "stop_timeout_s": 5})
    with pytest.raises(StackError, match=r"was not ready within 0\.05 s"):
        await LocalStack(options).start()


async def test_a_taken_port_is_named_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        options = StackOptions(**{**vars(LIGHT), "port": port})
        with pytest.raises(StackError, match=f"Port {port}, which the gateway needs"):
            await LocalStack(options).start()


async def test_a_missing_model_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="--model"):
        await LocalStack(StackOptions(model_dir=tmp_path / "gone", ephemeral_ports=True)).start()


def test_ports_free_and_taken() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not is_taken(ports[0])
    with socket.create_server(("127.0.0.1", ports[0])):
        assert is_taken(ports[0])


def test_the_plan_has_triton_only_where_it_is_used(tmp_path: Path) -> None:
    def names(options: StackOptions) -> list[list[str]]:
        return [[service.name for service in wave] for wave in plan(options)]

    assert names(StackOptions()) == [["triton", "frontend"], ["decoder"], ["gateway"]]
    assert names(LIGHT) == [["frontend"], ["decoder"], ["gateway"]]


def test_one_process_has_the_settings_of_the_three_and_the_gateways_ports() -> None:
    apart = [service for wave in plan(StackOptions()) for service in wave]
    gateway = next(service for service in apart if service.name == "gateway")
    decoder = next(service for service in apart if service.name == "decoder")
    [[triton], [node]] = plan(StackOptions(nodes=1))
    assert triton == apart[0]
    assert (node.module, node.ports) == ("amira_node", gateway.ports)
    behind = {f"AMIRA_GATEWAY_{name}_TARGET" for name in ("FRONTEND", "DECODER")}
    assert node.env.items() >= {key: gateway.env[key] for key in gateway.env.keys() - behind}.items()
    own = {
        "AMIRA_DECODER_LISTEN",
        "AMIRA_DECODER_METRICS_ADDRESS",
        "AMIRA_DECODER_LOG_LEVEL",
        "AMIRA_DECODER_LOG_FORMAT",
    }
    assert {key for key in node.env if "DECODER" in key} == decoder.env.keys() - own
    [[alone]] = plan(StackOptions(nodes=1, encoder="in_process"))
    assert alone.name == "node"


def test_extra_environment_wins() -> None:
    service = plan(StackOptions(search="k2"))[1][0]
    assert service.env["AMIRA_DECODER_SEARCH"] == "k2"
    assert service.environment({"AMIRA_DECODER_SEARCH": "greedy"})["AMIRA_DECODER_SEARCH"] == "greedy"


class Up:
    """`amira up` as its users run it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = ""

    @classmethod
    async def start(cls, *arguments: str) -> Up:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "amira_local", "up", "--ephemeral-ports", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        return cls(process)

    async def until(self, words: str) -> list[int]:
        """Reads up to a line with `words`; returns the pids of all that was started."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while words not in self.output:
                line = await self.process.stdout.readline()
                assert line, self.output
                self.output += line.decode()
        return [info.pid for info in descendants(self.process.pid)]

    async def ended(self) -> int:
        """Waits for the end; returns the exit status."""
        rest, _ = await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        self.output += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode


async def test_sigterm_stops_everything_in_order() -> None:
    up = await Up.start("--encoder", "in-process", "--search", "beam")
    pids = await up.until("Amira listens on")
    assert len(pids) == 3
    up.process.terminate()
    assert await up.ended() == 0
    assert alive(pids) == []
    stops = [up.output.index(f"{name} stopped") for name in ("gateway", "decoder", "frontend")]
    assert stops == sorted(stops)


async def test_ctrl_c_during_the_start_stops_everything() -> None:
    up = await Up.start("--encoder", "in-process")
    pids = await up.until("decoder starting")
    up.process.send_signal(signal.SIGINT)
    assert await up.ended() == 0
    await all_gone(pids)


async def test_killing_the_stack_leaves_no_orphans() -> None:
    up = await Up.start("--search", "beam")
    pids = await up.until("Amira listens on")
    names = {info.name for info in descendants(up.process.pid)}
    assert "tritonserver" in names
    up.process.kill()
    await up.process.wait()
    await all_gone(pids)


async def test_up_says_why_it_cannot_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        up = await Up.start("--port", str(listener.getsockname()[1]))
        assert await up.ended() == 1
    assert "is taken" in up.output
