"""How many replicas: the HorizontalPodAutoscaler's own rule, as Kubernetes documents it.

KEDA hands its queries to such an autoscaler, so the rule is the same for both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

TOLERANCE: Final = 0.1
"""The controller does nothing while use is this near to its target."""


@dataclass(frozen=True)
class Pace:
    """One direction of `behavior`.

    Attributes:
        window_s: how far back the most cautious recommendation counts.
        policies: (``Pods`` or ``Percent``, how many, within how many seconds); the widest counts.
    """

    window_s: float
    policies: Sequence[tuple[str, int, float]]

    @classmethod
    def read(cls, behavior: Mapping[str, Any], faster: float) -> Self:
        """From ``scaleUp`` or ``scaleDown``, with its times divided by `faster`."""
        policies = [
            (each["type"], each["value"], each["periodSeconds"] / faster) for each in behavior["policies"]
        ]
        return cls(behavior["stabilizationWindowSeconds"] / faster, policies)


@dataclass(frozen=True)
class Rule:
    """What an autoscaler is told.

    Attributes:
        target: what each replica should have of the metric.
    """

    target: float
    least: int
    most: int
    up: Pace
    down: Pace

    @classmethod
    def read(cls, manifest: Mapping[str, Any], metric: str, faster: float = 1.0) -> Self:
        """From a HorizontalPodAutoscaler, for one of its metrics. Raises KeyError when it has no such."""
        spec = manifest["spec"]
        targets = {each["pods"]["metric"]["name"]: each["pods"]["target"] for each in spec["metrics"]}
        return cls(
            quantity(targets[metric]["averageValue"]),
            spec["minReplicas"],
            spec["maxReplicas"],
            Pace.read(spec["behavior"]["scaleUp"], faster),
            Pace.read(spec["behavior"]["scaleDown"], faster),
        )


def quantity(text: str) -> float:
    """A Kubernetes quantity: ``700m`` is 0.7."""
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


class Autoscaler:
    """Remembers its recommendations and what came of them, as the rule's times need it."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._recommended: list[tuple[float, int]] = []
        self._changes: list[tuple[float, int]] = []

    def decide(self, now_s: float, replicas: int, used: Sequence[float]) -> int:
        """How many replicas there should be.

        Args:
            now_s: any clock that only goes forward.
            replicas: how many are wanted now: those that start are among them, those that end are not.
            used: the metric of each replica that has one already.
        """
        wanted = self._stabilized(now_s, replicas, self._recommend(replicas, used))
        wanted = min(max(self._in_pace(now_s, replicas, wanted), self._rule.least), self._rule.most)
        if wanted != replicas:
            self._changes.append((now_s, wanted - replicas))
        return wanted

    def _recommend(self, replicas: int, used: Sequence[float]) -> int:
        if not used:
            return replicas
        ratio = sum(used) / len(used) / self._rule.target
        if missing := replicas - len(used):
            # Those that say nothing yet count against the change, whatever it is.
            assumed = 0.0 if ratio > 1 else self._rule.target
            with_all = (sum(used) + missing * assumed) / replicas / self._rule.target
            if (with_all > 1) != (ratio > 1):
                return replicas
            ratio = with_all
        if abs(ratio - 1) <= TOLERANCE:
            return replicas
        wanted = math.ceil(round(ratio * replicas, 6))
        return min(max(wanted, self._rule.least), self._rule.most)

    def _stabilized(self, now_s: float, replicas: int, wanted: int) -> int:
        self._recommended.append((now_s, wanted))
        kept_s = max(self._rule.up.window_s, self._rule.down.window_s)
        self._recommended = [each for each in self._recommended if now_s - each[0] <= kept_s]
        least = min(count for at, count in self._recommended if now_s - at <= self._rule.up.window_s)
        most = max(count for at, count in self._recommended if now_s - at <= self._rule.down.window_s)
        return min(max(replicas, least), most)

    def _in_pace(self, now_s: float, replicas: int, wanted: int) -> int:
        if wanted > replicas:
            limits = [self._limit(now_s, replicas, 1, policy) for policy in self._rule.up.policies]
            return min(wanted, max(limits, default=wanted))
        if wanted < replicas:
            limits = [self._limit(now_s, replicas, -1, policy) for policy in self._rule.down.policies]
            return max(wanted, min(limits, default=wanted))
        return replicas

    def _limit(self, now_s: float, replicas: int, sign: int, policy: tuple[str, int, float]) -> int:
        """How far one policy lets the count go: from what it was at the beginning of the policy's period."""
        kind, value, period_s = policy
        done = sum(by for at, by in self._changes if now_s - at < period_s and by * sign > 0)
        before = replicas - done
        if kind == "Pods":
            return before + sign * value
        return math.ceil(before * (1 + sign * value / 100))
