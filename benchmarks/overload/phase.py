"""Streams that arrive whatever the server does, and the windows of time in which they are looked at."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.overload.caller import Heard


@dataclass(frozen=True)
class Window:
    """A span of time, in monotonic seconds."""

    begin: float
    end: float

    def has(self, moment: float) -> bool:
        """Whether `moment` lies in it."""
        return self.begin <= moment < self.end

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.begin


@dataclass(frozen=True)
class Phase:
    """What came of streams in some windows."""

    streams: Sequence[Heard]
    windows: Sequence[Window]

    @property
    def offered(self) -> list[Heard]:
        """Streams that came in them."""
        return [heard for heard in self.streams if self._counts(heard.began_at)]

    @property
    def delays_ms(self) -> list[float]:
        """Of all results that came in them, whenever their stream began."""
        return [1000 * delay for heard in self.streams for at, delay in heard.delays if self._counts(at)]

    @property
    def refusals_ms(self) -> list[float]:
        """How long those waited who were refused."""
        return [1000 * heard.answered_s for heard in self.offered if heard.refusal and heard.answered_s]

    @property
    def running(self) -> float:
        """Streams that ran at once, on average."""
        ran_s = sum(
            max(0.0, min(heard.ended_at, window.end) - max(heard.began_at, window.begin))
            for heard in self.streams
            if heard.admitted
            for window in self.windows
        )
        return ran_s / sum(window.seconds for window in self.windows)

    def _counts(self, moment: float) -> bool:
        return any(window.has(moment) for window in self.windows)


@dataclass(frozen=True)
class Plan:
    """When streams arrive and what counts as what, in seconds from the beginning."""

    arrivals: Sequence[float]
    within: Sequence[Window]
    over: Sequence[Window]


def alternating(
    streams_per_s: float, factor: float, rounds: int, seconds: float, ramp_s: float, chance: random.Random
) -> Plan:
    """As many streams as the server can carry all the time, and `factor` times as many in every other window.

    The windows take turns, so that whatever else the machine does meanwhile happens to both.
    """
    begins = [ramp_s + number * seconds for number in range(2 * rounds)]
    windows = [Window(begin, begin + seconds) for begin in begins]
    arrivals = even(streams_per_s, windows[-1].end, chance)
    for window in windows[1::2]:
        more = by_chance((factor - 1) * streams_per_s, seconds, chance)
        arrivals += [window.begin + at for at in more]
    return Plan(sorted(arrivals), windows[::2], windows[1::2])


def even(streams_per_s: float, seconds: float, chance: random.Random) -> list[float]:
    """One arrival in each of so many equal times, at a random moment of it: chunks keep no step."""
    return [(number + chance.random()) / streams_per_s for number in range(int(seconds * streams_per_s))]


def by_chance(streams_per_s: float, seconds: float, chance: random.Random) -> list[float]:
    """Arrivals as of many who do not know of each other (a Poisson process)."""
    arrivals: list[float] = []
    at = chance.expovariate(streams_per_s)
    while at < seconds:
        arrivals.append(at)
        at += chance.expovariate(streams_per_s)
    return arrivals


def shifted(windows: Sequence[Window], by_s: float) -> list[Window]:
    """The same windows, counted from another zero."""
    return [Window(window.begin + by_s, window.end + by_s) for window in windows]


async def run(
    begin_stream: Callable[[], Awaitable[Heard]], arrivals: Sequence[float]
) -> tuple[list[Heard], float]:
    """Begins a stream at each of the `arrivals` (seconds from now) and waits for the last one's end.

    Returns:
        The streams, and the monotonic time of the beginning.
    """
    now = time.monotonic()
    streams: list[asyncio.Task[Heard]] = []
    async with asyncio.TaskGroup() as tasks:
        for at in arrivals:
            await asyncio.sleep(now + at - time.monotonic())
            streams.append(tasks.create_task(_run(begin_stream)))
    return [stream.result() for stream in streams], now


async def _run(begin_stream: Callable[[], Awaitable[Heard]]) -> Heard:
    return await begin_stream()
