"""Timers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from demo.assistant.language.command import Command
from demo.assistant.values.durations import said, seconds_of

MOST_TIMERS = 8
LONGEST_S = 24 * 3600


@dataclass
class Timer:
    """One that runs; `ends_at` by the loop's clock."""

    number: int
    length_s: int
    ends_at: float
    alarm: asyncio.TimerHandle

    @property
    def name(self) -> str:
        """For answers: "10 minute timer"."""
        return f"{said(self.length_s)} timer".replace("s timer", " timer", 1)


class Timers:
    """All timers. `rang` is called with each that ends, `changed` whenever there are others than before."""

    def __init__(self, rang: Callable[[Timer], None], changed: Callable[[], None]) -> None:
        self._rang = rang
        self._changed = changed
        self._numbers = itertools.count(1)
        self._running: dict[int, Timer] = {}

    def running(self) -> list[Timer]:
        """Those that run, the next to end first."""
        return sorted(self._running.values(), key=lambda timer: timer.ends_at)

    def set(self, command: Command) -> str:
        """Starts one."""
        seconds = seconds_of(command.words("length"))
        if not 0 < seconds <= LONGEST_S:
            return "Timers can be from one second to twenty four hours."
        if len(self._running) >= MOST_TIMERS:
            return f"There are {MOST_TIMERS} timers already. Cancel one first."
        self._start(next(self._numbers), seconds, seconds)
        return f"Timer set for {said(seconds)}."

    def add(self, command: Command) -> str:
        """Makes the next one longer."""
        if not self._running:
            return self.set(command)
        timer = self.running()[0]
        left_s = timer.ends_at - asyncio.get_running_loop().time()
        seconds = seconds_of(command.words("length"))
        timer.alarm.cancel()
        self._start(timer.number, timer.length_s + seconds, left_s + seconds)
        return f"Added {said(seconds)}: {said(left_s + seconds)} left."

    def cancel(self, command: Command) -> str:
        """Ends all of them."""
        count = len(self._running)
        for number in list(self._running):
            self.remove(number)
        return {0: "No timer is running.", 1: "Timer cancelled."}.get(count, f"{count} timers cancelled.")

    def left(self, command: Command) -> str:
        """How long they have."""
        if not self._running:
            return "No timer is running."
        now = asyncio.get_running_loop().time()
        times = [said(max(1, timer.ends_at - now)) for timer in self.running()]
        return f"{' and '.join(times)} left."

    def remove(self, number: int) -> None:
        """Ends one; one that is gone already is no error."""
        timer = self._running.pop(number, None)
        if timer is not None:
            timer.alarm.cancel()
            self._changed()

    def _start(self, number: int, length_s: int, left_s: float) -> None:
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(left_s, self._end, number)
        self._running[number] = Timer(number, length_s, loop.time() + left_s, alarm)
        self._changed()

    def _end(self, number: int) -> None:
        timer = self._running.pop(number)
        self._changed()
        self._rang(timer)
