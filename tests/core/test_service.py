"""How a service ends: its exit status, and one line in the log that says why it cannot run."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from amira_core.service import run_service
from amira_core.settings import BadSettingsError, ServiceSettings

async def serve(settings):
    {body}

sys.exit(run_service("tested", ServiceSettings, serve, unusable=(LookupError,), failed=(ArithmeticError,)))
"""


def run(body: str) -> tuple[int, str]:
    """Exit status and output of a service that does `body`."""
    program = [sys.executable, "-c", PROGRAM.format(body=body)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("KeyError('model')", 2),
        ("OSError('taken')", 2),
        ("BadSettingsError('file')", 2),
        ("ZeroDivisionError('lost')", 1),
    ],
)
def test_what_was_foreseen_is_one_line_and_a_status(error: str, status: int) -> None:
    returned, log = run(f"raise {error}")
    assert returned == status
    [line] = map(json.loads, log.splitlines())
    assert (line["event"], line["service"]) == ("cannot_start", "tested")
    assert line["problem"] in error


def test_a_defect_shows_its_traceback() -> None:
    status, log = run("raise RuntimeError('a bug')")
    assert status == 1
    assert '"event": "crashed"' in log
    assert '"name": "serve"' in log


def test_a_service_that_ends_is_fine() -> None:
    assert run("pass") == (0, "")


def test_a_metrics_address_that_is_taken_is_one_line_and_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("METRICS_ADDRESS", address)
        status, log = run("pass")
    assert status == 2
    assert f"cannot serve metrics on '{address}'" in json.loads(log)["problem"]
