"""docs/QUICK_START.md as a newcomer follows it, in a clean folder; how long each step takes is printed."""

from __future__ import annotations

import shlex
import subprocess
import time
import urllib.request

from tests.docs.conftest import Checkout, told
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "QUICK_START.md"


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
