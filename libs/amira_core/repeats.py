"""Bounds how often the same thing is said, and keeps count of what was not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MINUTE_S: Final = 60.0
_TIDY_ABOVE: Final = 1000


@dataclass(slots=True)
class _Minute:
    began_at: float
    passed: int = 0
    dropped: int = 0


class Repeats:
    """Lets each name through so many times a minute. Safe to use from any thread."""

    def __init__(self, most_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most_per_minute`: 0: no bound. `clock`: seconds that never go back."""
        self.most_per_minute = most_per_minute
        self.dropped = 0
        """In all, so far."""
        self._clock = clock
        self._minutes: dict[str, _Minute] = {}
        self._unreported: list[tuple[str, int]] = []
        self._next_end: float = 0.0
        self._lock = threading.Lock()

    def pass_on(self, name: str) -> bool:
        """Whether `name` may be said once more."""
        if not self.most_per_minute:
            return True
        with self._lock:
            now = self._clock()
            minute = self._minutes.get(name)
            if minute is None or now - minute.began_at >= _MINUTE_S:
                self._finish(name)
                minute = self._minutes[name] = _Minute(now)
                self._tidy(now)
            if minute.passed < self.most_per_minute:
                minute.passed += 1
                return True
            if not minute.dropped:
                self._next_end = min(self._next_end or now + _MINUTE_S, minute.began_at + _MINUTE_S)
            minute.dropped += 1
            self.dropped += 1
            return False

    def take_report(self, *, finished: bool) -> list[tuple[str, int]]:
        """What was dropped since it was last told; `finished`: only of minutes that are over."""
        if finished and not self._unreported and (not self._next_end or self._clock() < self._next_end):
            return []
        with self._lock:
            now = self._clock()
            for name, minute in list(self._minutes.items()):
                if minute.dropped and (not finished or now - minute.began_at >= _MINUTE_S):
                    self._finish(name)
            ends = [minute.began_at + _MINUTE_S for minute in self._minutes.values() if minute.dropped]
            self._next_end = min(ends, default=0.0)
            report, self._unreported = self._unreported, []
            return report

    def _finish(self, name: str) -> None:
        minute = self._minutes.pop(name, None)
        if minute is not None and minute.dropped:
            self._unreported.append((name, minute.dropped))

    def _tidy(self, now: float) -> None:
        """Forgets names that were not heard of for long: they may be of any number."""
        if len(self._minutes) > _TIDY_ABOVE:
            for name, minute in list(self._minutes.items()):
                if now - minute.began_at >= _MINUTE_S:
                    self._finish(name)
