"""The command, on a real fleet without Triton."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def chaos(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chaos", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
        check=False,
    )


def run(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict]:  # type: ignore[type-arg]
    done = chaos(
        "run", "--seed", "1", "--short", "0", "--encoder", "in-process",
        "--env", "AMIRA_DECODER_SEARCH=greedy", "--results", folder, "--logs", folder / "logs",
        "--speech", folder / "none", *arguments,
    )  # fmt: skip
    path = folder / "seed-1.json"
    assert path.is_file(), done.stderr
    return done, json.loads(path.read_text())


@pytest.mark.slow
def test_a_killed_decoder_costs_no_word(tmp_path: Path) -> None:
    done, raw = run(
        tmp_path, "--streams", "4", "--seconds", "14", "--every", "12",
        "--faults", "kill", "--targets", "decoder",
    )  # fmt: skip
    assert raw["clean"], done.stdout
    assert done.returncode == 0
    (fault,) = raw["faults"]
    assert fault["fault"].startswith("kill decoder-")
    assert raw["deaths"] == {fault["fault"].removeprefix("kill "): ["killed by SIGKILL"]}
    assert fault["recovery_s"], "the fault hit no stream, so nothing has been shown"
    assert sum(stream["words"] for stream in raw["streams"]) > 20
    assert "| words lost |" in done.stdout
    assert str(ROOT) not in json.dumps(raw)


@pytest.mark.slow
def test_words_that_do_not_come_are_told_and_fail_the_command(tmp_path: Path) -> None:
    """With one decoder and no patience there is nowhere to go: the streams fail, and the command says so."""
    done, raw = run(
        tmp_path, "--streams", "2", "--seconds", "14", "--every", "12", "--replicas", "1",
        "--faults", "kill", "--targets", "decoder", "--env", "AMIRA_GATEWAY_RECOVERY_TIMEOUT_S=0",
    )  # fmt: skip
    assert done.returncode == 1
    assert not raw["clean"]
    assert [stream["failure"].split()[:2] for stream in raw["streams"]] == [
        ["UNAVAILABLE", "DECODER_LOST"]
    ] * 2
    assert all(stream["undelivered"] for stream in raw["streams"])
    assert "did not come" in done.stdout


def test_the_plan_is_what_a_run_would_print() -> None:
    done = chaos("plan", "--seed", "2", "--seconds", "60")
    assert done.returncode == 0, done.stderr
    assert done.stdout == chaos("plan", "--seed", "2", "--seconds", "60").stdout
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--targets", "broker"], "no such replicas: broker"),
        (["--targets", "triton", "--encoder", "in-process"], "no such replicas: triton"),
        (["--faults", "kill-model", "--encoder", "in-process"], "no fault can be drawn"),
        (["--env", "NAME"], "write NAME=VALUE"),
        (["--outages", "--swaps"], "exclude each other"),
        (["--faults", "flood"], "is not one of"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments: list[str], problem: str) -> None:
    done = chaos("run", *arguments)
    assert done.returncode == 2
    assert problem in " ".join(done.stderr.replace("│", " ").split())
