"""Streams that arrive whatever the server does, for a while."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks.overload.caller import Heard


@dataclass(frozen=True)
class Window:
    """The part of a phase that counts, in monotonic seconds."""

    begin: float
    end: float

    def has(self, moment: float) -> bool:
        return self.begin <= moment < self.end


@dataclass(frozen=True)
class Phase:
    """What came of the streams of one phase."""

    streams: Sequence[Heard]
    window: Window

    @property
    def offered(self) -> list[Heard]:
        """Streams that came while it counted."""
        return [heard for heard in self.streams if self.window.has(heard.began_at)]

    @property
    def delays_ms(self) -> list[float]:
        """Of all results that came while it counted, whenever their stream began."""
        return [1000 * delay for heard in self.streams for at, delay in heard.delays if self.window.has(at)]

    @property
    def refusals_ms(self) -> list[float]:
        """How long those waited who were refused."""
        return [1000 * heard.answered_s for heard in self.offered if heard.refusal and heard.answered_s]

    @property
    def running(self) -> float:
        """Streams that ran at once, on average."""
        span = self.window.end - self.window.begin
        ran = (
            min(heard.ended_at, self.window.end) - max(heard.began_at, self.window.begin)
            for heard in self.streams
            if heard.admitted
        )
        return sum(max(0.0, seconds) for seconds in ran) / span


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


async def run(
    begin_stream: Callable[[], Awaitable[Heard]], arrivals: Sequence[float], ramp_s: float, seconds: float
) -> Phase:
    """Begins a stream at each of the `arrivals` (seconds from now) and waits for the last one's end.

    What happens before `ramp_s` and after `seconds` does not count.
    """
    now = time.monotonic()
    window = Window(now + ramp_s, now + seconds)
    streams: list[asyncio.Task[Heard]] = []
    async with asyncio.TaskGroup() as tasks:
        for at in arrivals:
            await asyncio.sleep(now + at - time.monotonic())
            streams.append(tasks.create_task(_run(begin_stream)))
    return Phase([stream.result() for stream in streams], window)


async def _run(begin_stream: Callable[[], Awaitable[Heard]]) -> Heard:
    return await begin_stream()
