"""Where searches run: one after the other, in a thread or, when that is shorter than handing over, at once.

A step of the greedy search over some streams takes a fraction of a millisecond. To hand it to a thread and
take the result back costs two switches between threads, and both sides then wait for the interpreter
lock. Longer steps would hold up the event loop, so they go to the thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from amira_decoder.load.step_cost import StepCost

_AT_ONCE_S: Final = 0.002
"""CPU time up to which a step holds up the event loop rather than changing threads."""
_HALF_LIFE_S: Final = 4.0
_TIMED_EVERY: Final = 8
"""Steps from one whose CPU time is read to the next: to read it invites others to the CPU."""

P = ParamSpec("P")
T = TypeVar("T")


class SearchThread:
    """Never runs two things at the same time, wherever they run. Belongs to one event loop."""

    def __init__(self, at_once_s: float = _AT_ONCE_S) -> None:
        """`at_once_s`: steps that are expected to take no more CPU time run on the event loop; 0: none."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._unfinished: set[Future[Any]] = set()
        self._at_once_s = at_once_s
        self._cost = StepCost(_HALF_LIFE_S)
        self._steps = 0

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `function` in the thread."""
        future = self._executor.submit(function, *args, **kwargs)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return await asyncio.wrap_future(future)

    async def step(self, rows: int, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `function`, a step of the search over `rows` streams, wherever it is done sooner."""

        # A call that was cancelled may still run in the thread: what counts is what has finished.
        at_once = not self._unfinished and 0 < self._cost.seconds(max(1, rows)) <= self._at_once_s
        timed = rows > 0 and self._steps % _TIMED_EVERY == 0
        self._steps += rows > 0
        if not timed:
            return function(*args, **kwargs) if at_once else await self.call(function, *args, **kwargs)

        def with_cpu_time() -> tuple[T, float]:
            began_s = time.thread_time()
            return function(*args, **kwargs), time.thread_time() - began_s

        result, seconds = with_cpu_time() if at_once else await self.call(with_cpu_time)
        self._cost.add(rows, seconds, time.monotonic())
        return result

    def shutdown(self) -> None:
        """Ends the thread after what it is at; what waits is dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)
