"""docs/QUICK_START.md as a newcomer follows it, in a clean folder; how long each step takes is printed."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "QUICK_START.md"
SERVER = "--port 0 --ephemeral-ports --encoder in-process --nodes 1"
"""What `make up` is given here: free ports, and no Triton, which tests/stack and tests/local start."""


@dataclass(frozen=True)
class Checkout:
    """A folder as `git clone` and `make setup` leave it, and the server that runs in it."""

    folder: Path
    grpc: str
    web: str


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """`make up` in a folder that has nothing but what the page's commands name."""
    folder = tmp_path_factory.mktemp("amira")
    for name in ("demo", "models", "Makefile"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    started_at = time.monotonic()
    with subprocess.Popen(
        [*shlex.split(up_command()), *SERVER.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            said = until_it_listens(server)
            told("make up", started_at)
            grpc = re.findall(r"Amira listens on (\S+):(\d+):", said)[0]
            web = re.findall(r"in a browser: http://(\S+?)/", said)[0]
            yield Checkout(folder, ":".join(grpc), web)
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=60)
            assert "all services have stopped" in said
        finally:
            server.kill()


def until_it_listens(server: subprocess.Popen[str]) -> str:
    """What the server says until it has named its addresses."""
    assert server.stdout is not None
    said = ""
    for line in server.stdout:
        said += line
        if "in a browser" in line:
            return said
    raise AssertionError(said)


def up_command() -> str:
    """What `make up` runs once everything is installed."""
    done = subprocess.run(
        ["make", "--dry-run", "--old-file=setup", "up"],  # noqa: S607 - whichever make there is
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


def commands() -> list[str]:
    """The page's commands, in order."""
    found = [line for block in blocks(PAGE) if block.language == "" for line in block.code.splitlines()]
    assert found[:3] == ["make setup", "make demo", "make up"]
    return found


def run(checkout: Checkout, *command: str) -> str:
    """What a command prints."""
    started_at = time.monotonic()
    done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, timeout=120)
    told(command[0], started_at)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(step: str, started_at: float) -> None:
    sys.stdout.write(f"{step}: {time.monotonic() - started_at:.1f} s\n")


def test_recordings(checkout: Checkout) -> None:
    for command in commands()[3:]:
        program, word, *arguments = shlex.split(command)
        said = run(checkout, program, word, "--server", checkout.grpc, *arguments)
        assert "hearted" in said


def test_the_program(checkout: Checkout) -> None:
    (block,) = (block for block in blocks(PAGE) if block.language == "python")
    (checkout.folder / "first.py").write_text(block.code.replace("127.0.0.1:50051", checkout.grpc))
    assert "`.venv/bin/python first.py`" in PAGE.read_text()
    lines = run(checkout, ".venv/bin/python", "first.py").splitlines()
    assert lines[0].startswith("... ")
    assert "cold hearted" in " ".join(line for line in lines if not line.startswith("... "))


def test_the_page(checkout: Checkout) -> None:
    assert "<http://127.0.0.1:50053/>" in PAGE.read_text()
    with urllib.request.urlopen(f"http://{checkout.web}/", timeout=30) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read()
