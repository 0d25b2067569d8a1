"""What OpenTelemetry's parts log, as one line a minute: a collector may be gone for days."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import structlog

_log = structlog.get_logger(__name__)

PAUSE_S: Final = 60.0


class QuietLogs(logging.Handler):
    """Takes the place of the handlers above the logger `opentelemetry`."""

    def __init__(self, pause_s: float = PAUSE_S, clock: Callable[[], float] = time.monotonic) -> None:
        """`pause_s`: least seconds between two lines, by `clock`."""
        super().__init__(logging.WARNING)
        self._pause_s = pause_s
        self._clock = clock
        self._quiet_until = -pause_s
        self._left_out = 0

    def install(self) -> None:
        """From now on nothing of OpenTelemetry's reaches the process's output by another way."""
        logger = logging.getLogger("opentelemetry")
        logger.handlers = [self]
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        if now < self._quiet_until:
            self._left_out += 1
            return
        self._quiet_until = now + self._pause_s
        _log.warning("traces_not_exported", problem=record.getMessage(), left_out=self._left_out)
        self._left_out = 0
