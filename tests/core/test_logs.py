"""Logs: one JSON object a line, and never the values of local variables (they hold what people said)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_PROGRAM = """
import structlog
from amira_core.logs import configure_logs
configure_logs("test", "info", {log_format!r})
heard = "private " + "words"
try:
    raise ValueError("bad")
except ValueError as error:
    structlog.get_logger().error("failed", exc_info=error)
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_tracebacks_hold_no_values(log_format: str) -> None:
    program = _PROGRAM.format(log_format=log_format)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ValueError" in done.stderr
    assert "private words" not in done.stderr
    if log_format == "json":
        line = json.loads(done.stderr)
        assert (line["service"], line["level"], line["event"]) == ("test", "error", "failed")
