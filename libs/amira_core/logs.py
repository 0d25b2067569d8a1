"""Structured logs: one JSON object a line, or coloured text on a terminal. Never transcripts.

    level ──► repeats ──► context (service, session_id, trace_id) ──► time ──► traceback ──► line

Every line of the process goes this way: those of libraries (Python's `logging`) and the traceback of a
process that ends by a defect, too. The level can be changed while the process runs (:func:`shift_level`).
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from types import TracebackType
from typing import Literal, get_args

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from amira_core.repeats import Repeats
from amira_core.tracing.ids import current_trace_ids

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]

_NAMES: tuple[LogLevel, ...] = get_args(LogLevel)
_NUMBERS: dict[str, int] = {name: logging.getLevelName(name.upper()) for name in (*_NAMES, "critical")}
_REPEATS_PER_MINUTE = 600

_log = structlog.get_logger(__name__)
_repeats = Repeats(_REPEATS_PER_MINUTE)


class _State:
    """Of this process: what is logged, and how many lines were."""

    level: LogLevel = "info"
    least = logging.INFO
    lines: dict[str, int] = {}  # noqa: RUF012 - one per process is what is wanted
    lock = threading.Lock()


def configure_logs(
    service: str,
    level: LogLevel = "info",
    log_format: LogFormat = "json",
    repeats_per_minute: int = _REPEATS_PER_MINUTE,
) -> None:
    """Sets up structlog for this process; every line carries the service's name.

    `repeats_per_minute`: lines of one event beyond that are counted instead; 0: no bound.
    """
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    processors: list[Processor] = [
        _drop_below_level,
        _drop_repeats,
        structlog.contextvars.merge_contextvars,
        _add_trace_ids,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        # Without local variables: they hold what people said, and take seconds to print.
        without_locals = ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(without_locals))
        sys.excepthook = _log_crash
    structlog.configure(
        processors=[*processors, _count, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),  # see _drop_below_level
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    _set_level(level)
    _repeats.most_per_minute = repeats_per_minute
    atexit.unregister(_report_dropped)
    atexit.register(_report_dropped)
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)


def shift_level(steps: int) -> None:
    """Makes the log more (+1) or less (-1) detailed by so many levels, as far as there are any."""
    index = _NAMES.index(_State.level) - steps
    before, level = _State.level, _NAMES[max(0, min(index, len(_NAMES) - 1))]
    _set_level("info")  # so that the change itself is seen, in whichever direction
    _log.info("log_level_changed", before=before, now=level)
    _set_level(level)


def log_counts() -> tuple[dict[str, int], int]:
    """Lines written so far by level, and lines left out as repeats."""
    return dict(_State.lines), _repeats.dropped


def _set_level(level: LogLevel) -> None:
    _State.level, _State.least = level, _NUMBERS[level]


def _drop_below_level(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    # A processor, because loggers keep the class that they were made with, and with it a level of its own.
    if _NUMBERS.get(method, logging.ERROR) < _State.least:
        raise structlog.DropEvent
    return event


def _drop_repeats(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if event.get("event") in _NEVER_DROPPED:
        return event
    name = str(event.get("logger", event.get("event")))
    passes = _repeats.pass_on(name)
    _report_dropped(finished=True)
    if not passes:
        raise structlog.DropEvent
    return event


_REPORT = "log_lines_dropped"
_NEVER_DROPPED = {_REPORT, "audit"}
"""The audit log is a record of every call; it bounds refused ones itself."""


def _report_dropped(*, finished: bool = False) -> None:
    """Says how many lines were left out; `finished`: in minutes that are over."""
    for name, dropped in _repeats.take_report(finished=finished):
        _log.warning(_REPORT, of=name, dropped=dropped)


def _add_trace_ids(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    ids = current_trace_ids()
    if ids is not None:
        event.setdefault("trace_id", ids.trace_id)
        event.setdefault("span_id", ids.span_id)
    return event


def _count(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    level = event["level"]
    with _State.lock:
        _State.lines[level] = _State.lines.get(level, 0) + 1
    return event


class _FromLibraries(logging.Handler):
    """What libraries log, as lines like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max((number for number in _NUMBERS.values() if number <= record.levelno), default=10)
        _log.log(
            level,
            "library_message",
            logger=record.name,
            message=record.getMessage(),
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        _log.critical("crashed", exc_info=(kind, error, traceback))
