"""How late the event loop is: the time that every stream of the process waits for its turn."""

from __future__ import annotations

import asyncio
from typing import Final

from amira_core.metrics.registry import histogram
from amira_core.metrics.schema import Common

_EVERY_S: Final = 0.1

_LAG = histogram(Common.LOOP_LAG)


class LoopWatch:
    """Sets a timer again and again. A timer and not a task: it cannot die unnoticed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._set()

    def close(self) -> None:
        """Ends the watch."""
        self._timer.cancel()

    def _set(self) -> asyncio.TimerHandle:
        self._due_at = self._loop.time() + _EVERY_S
        return self._loop.call_at(self._due_at, self._fired)

    def _fired(self) -> None:
        _LAG.observe(max(0.0, self._loop.time() - self._due_at))
        self._timer = self._set()
