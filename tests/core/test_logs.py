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


def run(program: str) -> list[dict[str, object]]:
    """The lines that a program writes, each of which must be an object."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stderr.splitlines()]


_START = """
import asyncio, logging, os, signal, warnings
import structlog
from amira_core.logs import configure_logs, shift_level
log = structlog.get_logger()
configure_logs("test", "info")
"""


def test_the_level_changes_while_loggers_are_in_use() -> None:
    lines = run(
        _START
        + """
log.debug("unseen")
log.info("seen")
shift_level(1)
log.debug("seen")
shift_level(1)  # there is nothing below
log.debug("seen")
for _ in range(5):
    shift_level(-1)
log.warning("unseen")
log.error("seen")
"""
    )
    assert [line["level"] for line in lines if line["event"] == "seen"] == ["info", "debug", "debug", "error"]
    assert not [line for line in lines if line["event"] == "unseen"]
    changes = [(line["before"], line["now"]) for line in lines if line["event"] == "log_level_changed"]
    assert changes[:3] == [("info", "debug"), ("debug", "debug"), ("debug", "info")]
    assert changes[-1] == ("error", "error")


def test_signals_change_the_level_of_a_service() -> None:
    lines = run(
        """
import asyncio, os, signal, sys
import structlog
from amira_core.service import run_service
from amira_core.settings import ServiceSettings

log = structlog.get_logger()

async def serve(settings):
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR2):
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)
        log.debug("at", level_now="debug")
        log.info("at", level_now="info")
        log.warning("at", level_now="warning")

sys.exit(run_service("test", ServiceSettings, serve))
"""
    )
    seen = [line["level_now"] for line in lines if line["event"] == "at"]
    assert seen == ["debug", "info", "warning", "info", "warning", "warning"]


def test_repeats_are_dropped_and_counted() -> None:
    lines = run(
        _START
        + """
configure_logs("test", "info", "json", 5)
for index in range(20):
    log.info("again", index=index)
    log.info("other") if index < 5 else None
    log.info("audit")
"""
    )
    assert len([line for line in lines if line["event"] == "audit"]) == 20
    assert [line["index"] for line in lines if line["event"] == "again"] == [0, 1, 2, 3, 4]
    assert len([line for line in lines if line["event"] == "other"]) == 5
    (report,) = (line for line in lines if line["event"] == "log_lines_dropped")
    assert (report["of"], report["dropped"], report["level"]) == ("again", 15, "warning")


def test_what_libraries_say_is_a_line_like_all_others() -> None:
    lines = run(
        _START
        + """
logging.getLogger("some.library").warning("it said %s", "this")
logging.getLogger("some.library").info("unseen")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("some.library").exception("failed")
"""
    )
    said, failed = lines
    assert (said["logger"], said["message"], said["level"]) == ("some.library", "it said this", "warning")
    assert said["service"] == "test"
    assert failed["exception"][0]["exc_type"] == "ZeroDivisionError"  # type: ignore[index]


def test_a_crash_is_one_line() -> None:
    (line,) = run(_START + "raise KeyError('a defect')")
    assert (line["event"], line["level"]) == ("crashed", "critical")
    assert line["exception"][0]["exc_type"] == "KeyError"  # type: ignore[index]


def test_lines_name_the_trace_that_they_belong_to() -> None:
    lines = run(
        _START
        + """
from amira_core.tracing.ids import TraceIds, look_up_with
log.info("before")
look_up_with(lambda: TraceIds("t" * 32, "s" * 16, True))
log.info("within")
log.info("within", trace_id="its own")
"""
    )
    assert "trace_id" not in lines[0]
    assert (lines[1]["trace_id"], lines[1]["span_id"]) == ("t" * 32, "s" * 16)
    assert lines[2]["trace_id"] == "its own"


def test_lines_are_counted_by_level() -> None:
    lines = run(
        _START
        + """
from amira_core.logs import log_counts
configure_logs("test", "info", "json", 2)
for _ in range(5):
    log.info("again")
log.warning("once")
lines, dropped = log_counts()
log.error("counts", lines=lines, dropped=dropped)
"""
    )
    counts = next(line for line in lines if line["event"] == "counts")
    assert counts["lines"] == {"info": 2, "warning": 1}
    assert counts["dropped"] == 3
