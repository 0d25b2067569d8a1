"""docs/QUICK_START.md as a newcomer follows it, in a clean folder, in the five minutes that it promises."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
import urllib.request

import soundfile

from tests.docs.conftest import Checkout
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "QUICK_START.md"
PROMISED_S = 300
"""Without the installation, which the page leaves out, too. A quiet machine takes a tenth of it."""


def commands() -> list[str]:
    """The page's commands, in order."""
    found = [line for block in blocks(PAGE) if block.language == "" for line in block.code.splitlines()]
    assert found[:3] == ["make setup", "make demo", "make up"]
    return found


def run(checkout: Checkout, *command: str) -> str:
    """What a command prints."""
    started_at = time.monotonic()
    done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, timeout=120)
    step = " ".join(command[:2])
    checkout.took_s[step] = checkout.took_s.get(step, 0) + time.monotonic() - started_at
    assert done.returncode == 0, done.stderr
    return done.stdout


def recordings(checkout: Checkout) -> None:
    for command in commands()[3:]:
        program, word, *arguments = shlex.split(command)
        said = run(checkout, program, word, "--server", checkout.grpc, *arguments)
        assert "hearted" in said


def the_program(checkout: Checkout) -> None:
    (block,) = (block for block in blocks(PAGE) if block.language == "python")
    (checkout.folder / "first.py").write_text(block.code.replace("127.0.0.1:50051", checkout.grpc))
    assert "`.venv/bin/python first.py`" in PAGE.read_text()
    lines = run(checkout, ".venv/bin/python", "first.py").splitlines()
    assert lines[0].startswith("... ")
    assert "cold hearted" in " ".join(line for line in lines if not line.startswith("... "))


def test_it_works_in_five_minutes(checkout: Checkout) -> None:
    """`make demo` does what the others do, in real time: tests/local/test_demo.py runs it."""
    assert "Five minutes from a checkout to words" in PAGE.read_text()
    recordings(checkout)
    the_program(checkout)
    demo_s = soundfile.info(ROOT / "demo" / "speech" / "sense-and-sensibility.flac").duration
    took_s = checkout.took_s | {"the recording of make demo": demo_s}
    sys.stdout.write("".join(f"{step}: {seconds:.1f} s\n" for step, seconds in took_s.items()))
    assert sum(took_s.values()) < PROMISED_S


def test_the_page(checkout: Checkout) -> None:
    assert "<http://127.0.0.1:50053/>" in PAGE.read_text()
    with urllib.request.urlopen(f"http://{checkout.web}/", timeout=30) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read()
