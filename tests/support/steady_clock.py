"""A monotonic clock that stands still while this process does, and is slow while it hardly gets to run.

Where client, gateway and services are one process, a machine that stands still for three seconds is, to every
timeout of a second, three seconds in which nobody said anything. By this clock nothing has happened at all.
What takes time because a test waits for it takes as long as ever.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TICK_S = 0.02
_MOST_PER_TICK_S = 0.1

_real = time.monotonic


def _as_ever() -> None:
    time.monotonic = _real


os.register_at_fork(after_in_child=_as_ever)  # there nothing ticks


class SteadyClock:
    """Seconds, like time.monotonic(), but from one tick of a thread to the next at most so many pass."""

    def __init__(self) -> None:
        now = _real()
        self._ticked = (now, now)  # by the real clock, by this one
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="steady clock", daemon=True)

    def __call__(self) -> float:
        real, steady = self._ticked
        return steady + min(_real() - real, _MOST_PER_TICK_S)

    def start(self) -> None:
        self._ticking.start()

    def stop(self) -> None:
        self._over.set()
        self._ticking.join()

    def _tick(self) -> None:
        while not self._over.wait(_TICK_S):
            now = _real()
            real, steady = self._ticked
            self._ticked = (now, steady + min(now - real, _MOST_PER_TICK_S))


@contextmanager
def steady_clock() -> Iterator[SteadyClock]:
    """Meanwhile all that calls time.monotonic() in this process goes by such a clock, asyncio too."""
    clock = SteadyClock()
    clock.start()
    before = time.monotonic
    time.monotonic = clock  # type: ignore[assignment]  # asyncio has no other way to be given a clock
    try:
        yield clock
    finally:
        time.monotonic = before
        clock.stop()
