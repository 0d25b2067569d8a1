"""A fleet of decoders, event by event: streams come and go, an autoscaler follows, pods and zones die.

What is simulated is what the services do: a stream goes to any pod with a free slot and stays there; when its
pod dies it seeks another until the recovery time is over, before new streams (which are refused when there is
no slot). The autoscaler is Kubernetes': every 15 s it wants ``ceil(used slots / (slots * target))`` pods, by
the slots used some seconds ago; more pods come after their start-up time, fewer only after a stabilization
time, and those that go first finish their streams. It begins with 30 % of the load, and pods for it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

_AUTOSCALE_EVERY_S: Final = 15.0
_SAMPLE_EVERY_S: Final = 5.0


@dataclass(frozen=True)
class Plan:
    """What is simulated. Times in seconds."""

    streams: float
    """Running at once on average, once the load has settled."""
    slots_per_pod: int
    """Measured: streams that a pod carries within the latency budget."""
    mean_stream_s: float = 180.0
    """Mean duration of a stream (exponentially distributed)."""
    ramp_s: float = 1800.0
    """The load rises from 30 % to all of it within this time."""
    steady_s: float = 1800.0
    target_filled: float = 0.7
    """What the autoscaler aims at."""
    metrics_late_s: float = 30.0
    pod_start_s: float = 45.0
    """From the autoscaler's wish to a pod that takes streams: image, model, compilation."""
    node_start_s: float = 90.0
    """More for pods for which there is no machine yet."""
    spare_pods: int = 0
    """Pods for which machines are kept running."""
    stabilization_s: float = 300.0
    zones: int = 3
    pod_deaths_per_hour: float = 0.01
    """Of each pod."""
    zone_lost_at_s: float | None = None
    """All pods of one zone die at this time, and none starts there again."""
    recovery_s: float = 15.0
    """How long a stream that has lost its pod seeks another (AMIRA_GATEWAY_RECOVERY_TIMEOUT_S)."""
    seed: int = 1

    @property
    def seconds(self) -> float:
        return self.ramp_s + self.steady_s


@dataclass(eq=False)
class _Pod:
    number: int
    zone: int
    streams: set[int] = field(default_factory=set)
    leaving: bool = False
    place: int = -1
    """In the list of pods with a free slot; -1 when it is not there."""


@dataclass
class Answer:
    """What came of it."""

    plan: Plan
    arrived: int = 0
    refused: int = 0
    moved: int = 0
    """Streams that lost their pod and went on at another."""
    lost: int = 0
    """Streams that lost their pod and found no other in time: their clients are told, and begin again."""
    longest_wait_s: float = 0.0
    """Of a stream between two pods."""
    pods: list[int] = field(default_factory=list)
    """Pods that take streams, sampled."""
    used: list[int] = field(default_factory=list)
    """Slots in use, sampled at the same times."""

    @property
    def most_pods(self) -> int:
        return max(self.pods)

    @property
    def steady_pods(self) -> float:
        """Mean over the last third."""
        last = self.pods[-max(1, len(self.pods) // 3) :]
        return sum(last) / len(last)

    @property
    def steady_filled(self) -> float:
        """Share of slots in use over the last third."""
        part = max(1, len(self.pods) // 3)
        return sum(self.used[-part:]) / (sum(self.pods[-part:]) * self.plan.slots_per_pod)


class Fleet:
    """``Fleet(plan).run()``."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 - a simulation
        self._events: list[tuple[float, int, str, object]] = []
        self._order = itertools.count()
        self._numbers = itertools.count()
        self._stream_ids = itertools.count()
        self._pods: dict[int, _Pod] = {}
        self._open: list[_Pod] = []
        self._home: dict[int, _Pod] = {}
        self._seeking: dict[int, float] = {}
        """Streams without a pod, and since when; oldest first."""
        self._used_before: deque[tuple[float, int]] = deque()
        self._wanted_before: deque[tuple[float, int]] = deque()
        self._coming = 0
        self._gone_zone: int | None = None
        self._machines = 0
        self._now = 0.0
        self.answer = Answer(plan)

    def run(self) -> Answer:
        """Runs the plan to its end."""
        plan = self._plan
        first = max(1, math.ceil(0.3 * plan.streams / (plan.slots_per_pod * plan.target_filled)))
        self._machines = first + plan.spare_pods
        for _ in range(first):
            self._add_pod()
        self._wanted_before.append((0.0, first))
        for _ in range(round(0.3 * plan.streams)):
            self._begin()
        self._used_before.append((0.0, len(self._home)))
        self._at(0.0, "arrival")
        self._at(0.0, "autoscale")
        self._at(0.0, "sample")
        if plan.zone_lost_at_s is not None:
            self._at(plan.zone_lost_at_s, "zone")
        while self._events and self._events[0][0] <= plan.seconds:
            self._now, _, kind, what = heapq.heappop(self._events)
            getattr(self, f"_on_{kind}")(what)
        return self.answer

    def _at(self, time_s: float, kind: str, what: object = None) -> None:
        heapq.heappush(self._events, (time_s, next(self._order), kind, what))

    # -- streams ---------------------------------------------------------------------------------

    def _on_arrival(self, _: object) -> None:
        share = 0.3 + 0.7 * min(1.0, self._now / self._plan.ramp_s) if self._plan.ramp_s else 1.0
        rate_hz = self._plan.streams * share / self._plan.mean_stream_s
        self._at(self._now + self._random.expovariate(rate_hz), "arrival")
        self.answer.arrived += 1
        if self._seeking or not self._open:
            self.answer.refused += 1
            return
        self._begin()

    def _begin(self) -> None:
        stream = next(self._stream_ids)
        self._place(stream)
        self._at(self._now + self._random.expovariate(1 / self._plan.mean_stream_s), "departure", stream)

    def _on_departure(self, stream: object) -> None:
        assert isinstance(stream, int)
        pod = self._home.pop(stream, None)
        if pod is None:
            self._seeking.pop(stream, None)  # between two pods, if it is not lost
            return
        pod.streams.discard(stream)
        if pod.leaving:
            if not pod.streams:
                self._remove(pod)
        else:
            self._offer(pod)
            self._settle_seekers()

    def _place(self, stream: int) -> None:
        pod = self._open[self._random.randrange(len(self._open))]
        pod.streams.add(stream)
        self._home[stream] = pod
        if len(pod.streams) >= self._plan.slots_per_pod:
            self._withdraw(pod)

    def _settle_seekers(self) -> None:
        while self._seeking and self._open:
            stream = next(iter(self._seeking))
            since = self._seeking.pop(stream)
            self.answer.moved += 1
            self.answer.longest_wait_s = max(self.answer.longest_wait_s, self._now - since)
            self._place(stream)

    def _on_give_up(self, _: object) -> None:
        for stream, since in list(self._seeking.items()):
            if self._now - since < self._plan.recovery_s:
                return
            del self._seeking[stream]
            self.answer.lost += 1

    # -- pods ------------------------------------------------------------------------------------

    def _add_pod(self) -> None:
        number = next(self._numbers)
        zones = [zone for zone in range(self._plan.zones) if zone != self._gone_zone]
        pod = _Pod(number, zones[number % len(zones)])
        self._pods[number] = pod
        self._offer(pod)
        if self._plan.pod_deaths_per_hour:
            lifetime_s = self._random.expovariate(self._plan.pod_deaths_per_hour / 3600)
            self._at(self._now + lifetime_s, "death", pod)
        self._settle_seekers()

    def _on_ready(self, _: object) -> None:
        self._coming -= 1
        self._add_pod()

    def _on_death(self, pod: object) -> None:
        assert isinstance(pod, _Pod)
        if pod.number in self._pods:
            self._kill(pod)

    def _on_zone(self, _: object) -> None:
        self._gone_zone = 0
        for pod in [pod for pod in self._pods.values() if pod.zone == 0]:
            self._kill(pod)
            self._machines -= 1

    def _kill(self, pod: _Pod) -> None:
        self._remove(pod)
        for stream in pod.streams:
            del self._home[stream]
            self._seeking[stream] = self._now
        if pod.streams:
            self._at(self._now + self._plan.recovery_s, "give_up")
        pod.streams.clear()
        self._settle_seekers()

    def _remove(self, pod: _Pod) -> None:
        self._withdraw(pod)
        del self._pods[pod.number]

    def _offer(self, pod: _Pod) -> None:
        if pod.place < 0:
            pod.place = len(self._open)
            self._open.append(pod)

    def _withdraw(self, pod: _Pod) -> None:
        if pod.place < 0:
            return
        last = self._open.pop()
        if last is not pod:
            self._open[pod.place] = last
            last.place = pod.place
        pod.place = -1

    # -- autoscaler ------------------------------------------------------------------------------

    def _on_autoscale(self, _: object) -> None:
        plan = self._plan
        self._at(self._now + _AUTOSCALE_EVERY_S, "autoscale")
        self._used_before.append((self._now, len(self._home) + len(self._seeking)))
        while len(self._used_before) > 1 and self._used_before[1][0] <= self._now - plan.metrics_late_s:
            self._used_before.popleft()
        wanted = max(1, math.ceil(self._used_before[0][1] / (plan.slots_per_pod * plan.target_filled)))
        self._wanted_before.append((self._now, wanted))
        while self._wanted_before[0][0] < self._now - plan.stabilization_s:
            self._wanted_before.popleft()
        serving = [pod for pod in self._pods.values() if not pod.leaving]
        have = len(serving) + self._coming
        if wanted > have:
            for number in range(wanted - have):
                self._start_pod(have + number)
        else:
            self._release(serving, have - max(before for _, before in self._wanted_before))

    def _start_pod(self, place: int) -> None:
        self._coming += 1
        late_s = self._plan.pod_start_s
        if place >= self._machines:
            late_s += self._plan.node_start_s
            self._machines += 1
        self._at(self._now + late_s, "ready")

    def _release(self, serving: list[_Pod], surplus: int) -> None:
        for pod in sorted(serving, key=lambda pod: len(pod.streams))[: max(0, surplus)]:
            pod.leaving = True
            self._withdraw(pod)
            if not pod.streams:
                self._remove(pod)

    def _on_sample(self, _: object) -> None:
        self._at(self._now + _SAMPLE_EVERY_S, "sample")
        self.answer.pods.append(sum(not pod.leaving for pod in self._pods.values()))
        self.answer.used.append(len(self._home))
