"""`amira top --once` of the real stack shows what the conversations were."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.observability.conftest import MAX_STREAMS, Said
from tests.support.stack import StackThread


def test_one_picture(stack: StackThread, said: Said) -> None:
    command = [sys.executable, "-m", "amira_local", "top", "--once", *stack.stack.metrics.values()]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    picture = done.stdout
    for service, address in stack.stack.metrics.items():
        assert f"\n{service} " in picture
        assert address in picture
    assert f"0 / {MAX_STREAMS}" in picture  # places
    assert "1 BAD_SAMPLE_RATE" in picture
    assert "1 NO_CAPACITY" in picture
    assert "0 / 64" in picture  # slots
    assert "closed" in picture
    assert "not ready" not in picture
    assert "\N{HORIZONTAL ELLIPSIS}" not in picture
