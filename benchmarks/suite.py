"""A whole run: every system that is here, one after the other at each level, on the same streams.

tune the peer ─► what each hears unloaded ─► one stream ─► levels, in turn ─► 75 % of capacity
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.load import measures
from benchmarks.load.level import AFTER_S, Level, Times, play
from benchmarks.load.ramp import BUDGET_MS, Ramp
from benchmarks.load.schedule import once_each, schedule
from benchmarks.machine import between, moment
from benchmarks.recordings import Recording
from benchmarks.systems.base import Server, UnavailableError

Say = Callable[[str], None]
_QUIET_CORES = 0.15
_UNLOADED_LANES = 10
_SEED = 20
_TUNING_TIMES = Times(3, 8)
NORMAL_LOAD = 0.75
"""Share of its capacity at which a system's latency is held against the targets."""


@dataclass(frozen=True)
class Plan:
    """How thorough a run is."""

    times: Times
    first_level: int
    refinements: int
    step: float
    one_stream_s: float
    """Measured time with a single stream; 0: none."""
    deadline_s: float
    """No new level is begun so late that it would end after this."""
    tune: bool
    """Try the peer's settings, rather than taking those that were best before."""


FULL = Plan(Times(5, 15), 68, 2, 1.42, 30, 26.5 * 60, tune=True)
QUICK = Plan(Times(2.5, 7), 64, 1, 1.6, 0, 3.3 * 60, tune=False)


@dataclass
class Subject:
    """A system under test, and what is known of it so far."""

    server: Server
    ramp: Ramp
    reference: dict[int, measures.Heard] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    idle_memory_mib: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Suite:
    """One run.

    Args:
        recordings: what is played.
        plan: how thorough.
        say: told about progress.
    """

    recordings: Sequence[Recording]
    plan: Plan
    say: Say
    budget_ms: float = BUDGET_MS

    def __post_init__(self) -> None:
        self.subjects: dict[str, Subject] = {}
        self.skipped: dict[str, str] = {}
        self._ends: dict[int, Sequence[tuple[str, float]]] = {}
        self._began = time.monotonic()
        self.busy_levels = self.levels = 0
        self.most_others_cores = 0.0

    @property
    def _lengths_s(self) -> list[float]:
        return [recording.seconds for recording in self.recordings]

    def time_left_s(self) -> float:
        """Until the plan's deadline."""
        return self._began + self.plan.deadline_s - time.monotonic()

    @property
    def has_time_for_a_level(self) -> bool:
        """Whether a level that is begun now ends before the plan's deadline."""
        level_s = self.plan.times.ramp_s + self.plan.times.measured_s + AFTER_S + 3
        return self.time_left_s() >= level_s

    async def add(self, server: Server) -> Subject | None:
        """Starts a system; None, with the reason in `skipped`, where it cannot run here."""
        self.say(f"starting {server.title}")
        try:
            await server.start()
        except UnavailableError as error:
            self.say(f"skipped {server.title}: {error}")
            self.skipped[server.name] = str(error)
            return None
        subject = Subject(
            server, Ramp(self.plan.first_level, self.plan.refinements, self.budget_ms, self.plan.step)
        )
        subject.idle_memory_mib = {
            name: use.memory_mib for name, use in moment(server.processes()).groups.items()
        }
        self.subjects[server.name] = subject
        return subject

    async def drop(self, subject: Subject) -> None:
        """Stops a system and forgets it."""
        self.subjects.pop(subject.server.name, None)
        await subject.server.stop()

    async def stop(self) -> None:
        """Stops everything."""
        for subject in list(self.subjects.values()):
            await subject.server.stop()

    async def unloaded(self, subject: Subject) -> None:
        """Plays every recording once, few at a time: the words that the server finds when it has time."""
        turns = once_each(self._lengths_s, _UNLOADED_LANES)
        end_s = max(turn.begin_s + self._lengths_s[turn.recording] for turn in turns)
        word_times = {"word_times": True} if subject.server.client == "amira" else None
        window = (1.0, max(2.0, end_s - 3))
        level = await self._play(subject, turns, _UNLOADED_LANES, window, end_s + 10, word_times)
        subject.reference = measures.heard_by(level)
        if not self._ends:
            self._ends = {number: heard.words for number, heard in subject.reference.items() if heard.words}
        subject.figures["unloaded"] = self._figures(subject, level)
        if len(subject.reference) < len(self.recordings):
            self.say(f"  {len(self.recordings) - len(subject.reference)} recordings did not come through")

    async def one_stream(self, subject: Subject) -> None:
        """A single stream's latencies."""
        times = replace(self.plan.times, measured_s=self.plan.one_stream_s)
        subject.figures["one_stream"] = await self.level(subject, 1, times)

    async def level(self, subject: Subject, lanes: int, times: Times | None = None) -> dict[str, Any]:
        """Plays one level; returns its figures."""
        times = times or self.plan.times
        window = (times.ramp_s, times.ramp_s + times.measured_s)
        turns = schedule(self._lengths_s, lanes, times.ramp_s, window[1] + AFTER_S, _SEED + lanes)
        level = await self._play(subject, turns, lanes, window, window[1] + AFTER_S)
        figures = self._figures(subject, level)
        self.say(f"  {subject.server.title}: {_line(figures)}")
        return figures

    async def ramp_all(self, subjects: Sequence[Subject]) -> None:
        """Raises the load on all systems in turn, until each has broken the budget or time is up."""
        running = list(subjects)
        try:
            while running:
                for subject in list(running):
                    lanes = subject.ramp.next_level()
                    if lanes is None or not self.has_time_for_a_level:
                        running.remove(subject)
                        continue
                    subject.ramp.took(lanes, await self.level(subject, lanes))
        finally:
            for subject in subjects:
                subject.figures["levels"] = sorted(subject.ramp.levels, key=lambda level: level["offered"])
                subject.figures["capacity"] = subject.ramp.capacity
                subject.figures["complete"] = subject.ramp.next_level() is None

    async def at_normal_load(self, subject: Subject) -> None:
        """Latencies at three quarters of capacity."""
        lanes = math.floor(NORMAL_LOAD * subject.ramp.capacity)
        if lanes >= 1:
            subject.figures["normal_load"] = await self.level(subject, lanes)

    async def _play(
        self,
        subject: Subject,
        turns: Any,
        lanes: int,
        window: tuple[float, float],
        drop_s: float,
        options: Mapping[str, Any] | None = None,
    ) -> Level:
        server = subject.server
        await quiet(server)
        await server.settle()
        others = [other.server for other in self.subjects.values() if other is not subject]
        level = await play(
            server, self.recordings, turns, lanes, window, drop_s, bystanders=others, options=options
        )
        self.levels += 1
        self.busy_levels += level.load.busy
        self.most_others_cores = max(self.most_others_cores, level.load.others + level.load.others_nice)
        return level

    def _figures(self, subject: Subject, level: Level) -> dict[str, Any]:
        figures = measures.figures(level, self.recordings, subject.reference, self._ends)
        grown = sum(
            level.load.memory_mib.get(name, 0.0) - mib for name, mib in subject.idle_memory_mib.items()
        )
        figures["memory_mib_per_stream"] = round(grown / level.lanes, 2)
        return figures


async def quiet(server: Server, longest_s: float = 10.0) -> None:
    """Waits until a server has worked off what a level left behind."""
    give_up = time.monotonic() + longest_s
    while time.monotonic() < give_up:
        before = moment(server.processes())
        await asyncio.sleep(0.4)
        if sum(between(before, moment(server.processes())).cores.values()) < _QUIET_CORES:
            return


async def tune(
    suite: Suite, candidates: Sequence[Server], levels: Sequence[int], keep: int = 4
) -> tuple[Server | None, list[dict[str, Any]]]:
    """Finds the best of several settings of a peer: all play each level in turn, the better ones go on.

    Where none is within the budget at the first level, all play at half of it, and so on.

    Returns:
        The best (stopped), and what each did.
    """
    tried: list[dict[str, Any]] = []
    running = [subject for server in candidates if (subject := await suite.add(server)) is not None]
    ranked = [(math.inf, subject) for subject in running]
    first = levels[0]
    while running and first > 1:
        ranked = await _rank(suite, running, first, tried)
        if ranked[0][0] <= suite.budget_ms:
            break
        first //= 2
    for lanes in levels[1:] if first == levels[0] else ():
        within = [pair for pair in ranked[:keep] if pair[0] <= suite.budget_ms]
        if len(within) <= 1:
            break
        again = await _rank(suite, [subject for _, subject in within], lanes, tried)
        if again[0][0] > suite.budget_ms:
            break  # too much for all: the order of the level before says more
        ranked = again
    for subject in running:
        await suite.drop(subject)
    return (ranked[0][1].server if ranked else None), tried


async def _rank(
    suite: Suite, running: Sequence[Subject], lanes: int, tried: list[dict[str, Any]]
) -> list[tuple[float, Subject]]:
    """Plays a level with each; returns (p99 of partial latency in ms, subject), the best first."""
    ranked: list[tuple[float, Subject]] = []
    for subject in running:
        figures = await suite.level(subject, lanes, _TUNING_TIMES)
        p99 = figures["partial_latency_ms"]["p99"]
        ranked.append((math.inf if p99 is None else p99, subject))
        tried.append(
            {
                "title": subject.server.title,
                "settings": subject.server.settings(),
                "offered": lanes,
                "partial_p99_ms": p99,
                "server_cores": figures["server_cores"],
            }
        )
    return sorted(ranked, key=lambda pair: pair[0])


def _line(figures: Mapping[str, Any]) -> str:
    partial, final = figures["partial_latency_ms"], figures["final_latency_ms"]
    words, counts = figures["words"], figures["streams"]
    lost = (
        f", {counts['refused']} refused, {counts['failed']} failed"
        if counts["refused"] + counts["failed"]
        else ""
    )
    return (
        f"{figures['offered']} streams ({figures['carried']} carried{lost}): partial p50 {partial['p50']} "
        f"p99 {partial['p99']} ms, final p99 {final['p99']} ms, {figures['server_cores']} cores, "
        f"client {figures['load']['cores']['load client']}, WER {words['error_rate']} % "
        f"(unloaded {words['error_rate_unloaded']}), others {figures['load']['other_processes_cores']}"
        f"+{figures['load']['other_low_priority_cores']} cores"
    )
