"""The peer gets its best settings: those that hold out longest, and at the end are fastest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from benchmarks import __main__ as command
from benchmarks import peers
from benchmarks.__main__ import _command, _name
from benchmarks.load.level import AFTER_S, Times
from benchmarks.load.ramp import Ramp
from benchmarks.suite import FULL, QUICK, Plan, Subject, Suite, tune
from benchmarks.systems.base import Server


class Setting(Server):
    """A peer that is only a formula: p99 by streams."""

    client = "none"

    def __init__(self, name: str, p99: Callable[[int], float | None]) -> None:
        self.name = self.title = name
        self.p99 = p99

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def client_options(self) -> dict[str, Any]:
        return {}


class Played(Suite):
    """Takes figures from the formula; how levels are played is tested with real servers."""

    async def add(self, server: Server) -> Subject | None:
        subject = Subject(server, Ramp(1))
        self.subjects[server.name] = subject
        return subject

    async def level(self, subject: Subject, lanes: int, times: Times | None = None) -> dict[str, Any]:
        assert isinstance(subject.server, Setting)
        return {"partial_latency_ms": {"p99": subject.server.p99(lanes)}, "server_cores": 1.0}


def suite() -> Played:
    return Played([], FULL, lambda text: None)


async def test_the_one_that_holds_out_longest_is_taken() -> None:
    quick_but_weak = Setting("weak", lambda streams: 10.0 if streams < 100 else 2000.0)
    strong = Setting("strong", lambda streams: 50.0 if streams < 200 else 400.0)
    stronger = Setting("stronger", lambda streams: 60.0 if streams < 200 else 300.0)
    running = suite()
    best, tried = await tune(running, [quick_but_weak, strong, stronger], (50, 150, 250))
    assert best is stronger
    assert [(one["title"], one["offered"]) for one in tried] == [
        ("weak", 50), ("strong", 50), ("stronger", 50),
        ("weak", 150), ("strong", 150), ("stronger", 150),
        ("strong", 250), ("stronger", 250),
    ]  # fmt: skip
    assert running.subjects == {}


async def test_a_level_that_is_too_much_for_all_decides_nothing() -> None:
    better = Setting("better", lambda streams: 50.0 if streams < 100 else 3000.0)
    worse = Setting("worse", lambda streams: 60.0 if streams < 100 else 2000.0)
    best, _ = await tune(suite(), [worse, better], (50, 150))
    assert best is better


async def test_on_a_slow_machine_levels_are_halved() -> None:
    slow = Setting("slow", lambda streams: 30.0 * streams)
    slower = Setting("slower", lambda streams: 40.0 * streams)
    best, tried = await tune(suite(), [slower, slow], (96, 144))
    assert best is slow
    assert [one["offered"] for one in tried] == [96, 96, 48, 48, 24, 24, 12, 12]


@pytest.mark.parametrize("p99", [None, 9999.0])
async def test_hopeless_peers_end_the_search_too(p99: float | None) -> None:
    best, _ = await tune(suite(), [Setting("hopeless", lambda streams: p99)], (4, 8))
    assert best is not None
    assert await tune(suite(), [], (4, 8)) == (None, [])


def test_the_recorded_command_names_no_folders_of_this_machine() -> None:
    arguments = ["--quick", "--results", "/some/where", "--data=/else/where", "--first", "12"]
    assert _command(arguments) == "python -m benchmarks --quick --first 12"


def test_a_run_of_some_systems_leaves_the_files_of_a_whole_one_alone() -> None:
    assert _name(quick=False, part=False) == "bench"
    assert _name(quick=True, part=False) == "bench-quick"
    assert _name(quick=False, part=True) == "bench-part"
    assert _name(quick=True, part=True) == "bench-quick-part"


def test_a_system_that_there_is_not_is_named_with_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        command.main(systems=["amira_greedy", "whisper"], results=tmp_path, data=tmp_path)
    assert ended.value.exit_code == 2
    said = capsys.readouterr().err
    assert "there is no system whisper; there are amira_greedy, " in said
    assert "sherpa_cpp" in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_measured_nothing_leaves_old_results_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RIVA_TARGET", raising=False)
    kept = tmp_path / "bench.json"
    kept.write_text("of before")
    with pytest.raises(typer.Exit) as ended:
        command.main(systems=["riva"], results=tmp_path, data=tmp_path, no_tuning=True)
    assert ended.value.exit_code == 2
    assert "no system was measured (riva: RIVA_TARGET not set)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]
    assert kept.read_text() == "of before"


@pytest.mark.parametrize(("plan", "most_minutes"), [(FULL, 29), (QUICK, 4)])
def test_a_run_ends_in_time(plan: Plan, most_minutes: float) -> None:
    """Levels end by the deadline; a full run then has one more for each of the systems of interest."""
    level_s = plan.times.ramp_s + plan.times.measured_s + AFTER_S + 6  # the load process, and quiet before it
    behind_s = level_s * len(peers.LOOKED_AT_CLOSELY) if plan.one_stream_s else 0.0
    assert plan.deadline_s + behind_s < 60 * most_minutes
