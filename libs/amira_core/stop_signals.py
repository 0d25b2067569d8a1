"""SIGTERM and SIGINT outside the time in which an event loop handles them: during the start, and after it.

Python leaves SIGTERM to the kernel, whose default is to end the process, but not if it is the first one
of its container: that one ignores what it has no handler for, and would be killed after the grace period.

Nothing but the standard library is imported here: a service's own imports take seconds.
"""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOG_FD = 2


def exit_on_signal(service: str) -> None:
    """From now on a signal ends the process at once, with a line in the log and status 0.

    To be called before anything runs; `run_until_signal` takes over from it. The signals that change the log
    level (log_signals.py), which would end the process, do nothing yet.
    """

    def stop(number: int, _: FrameType | None) -> None:
        leave_start(service, signal.Signals(number).name)

    for each in STOP_SIGNALS:
        signal.signal(each, stop)
    for each in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)


def leave_start(service: str, why: str) -> None:
    """Ends the process with status 0. Threads that compile or load, in code of C, are not waited for."""
    line = {
        "event": "stopped_at_start",
        "cause": why,
        "service": service,
        "level": "info",
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    os.write(_LOG_FD, json.dumps(line).encode() + b"\n")
    os._exit(0)


def end_on_signal() -> None:
    """From now on a signal ends the process at once, as if nobody handled it."""
    for each in STOP_SIGNALS:
        signal.signal(each, _end if os.getpid() == 1 else signal.SIG_DFL)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)
