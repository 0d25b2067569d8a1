"""Which levels to play: up in steps until the budget breaks, then closer to where it broke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BUDGET_MS = 500.0
_REFUSED_SHARE = 0.02
_MOST_STREAMS = 4096


def within_budget(figures: Mapping[str, Any], budget_ms: float = BUDGET_MS) -> bool:
    """Whether a level kept its promise: no stream lost, and p99 of partial latency within the budget.

    A refusal is no broken promise: what was refused does not count as carried.
    """
    p99 = figures["partial_latency_ms"]["p99"]
    return p99 is not None and p99 <= budget_ms and not figures["streams"]["failed"]


def refuses(figures: Mapping[str, Any]) -> bool:
    """Whether the server said that it is full."""
    counts = figures["streams"]
    return bool(counts["refused"] > _REFUSED_SHARE * max(1, sum(counts.values())))


def capacity(levels: list[Mapping[str, Any]], budget_ms: float = BUDGET_MS) -> float:
    """Most streams carried within the budget at any level; 0 when there is none."""
    return max((figures["carried"] for figures in levels if within_budget(figures, budget_ms)), default=0.0)


@dataclass
class Ramp:
    """The levels of one system. Ask :meth:`next_level`, play it, tell :meth:`took`."""

    first: int
    refinements: int = 2
    """Levels between the last good one and the first bad one."""
    budget_ms: float = BUDGET_MS
    step: float = 1.42
    """How much more each level has than the one before, until one breaks the budget."""
    good: int = 0
    """Highest level within the budget so far."""
    bad: int | None = None
    """Lowest level that broke it, or was refused in part."""
    levels: list[Mapping[str, Any]] = field(default_factory=list)

    def next_level(self) -> int | None:
        """Streams of the next level; None when there is nothing left to learn."""
        if self.bad is None:
            level = self.first if not self.good else max(self.good + 1, round(self.good * self.step))
            return level if level <= _MOST_STREAMS else None
        if self.refinements <= 0 or self.bad - self.good <= max(1, self.good // 12):
            return None
        middle = (self.good + self.bad) // 2
        return middle if middle > self.good else None

    def took(self, level: int, figures: Mapping[str, Any]) -> None:
        """Takes note of a level's figures."""
        self.levels.append(figures)
        if self.bad is not None:
            self.refinements -= 1
        if within_budget(figures, self.budget_ms) and not refuses(figures):
            self.good = max(self.good, level)
        else:
            self.bad = level if self.bad is None else min(self.bad, level)

    @property
    def capacity(self) -> float:
        """Most streams carried within the budget."""
        return capacity(self.levels, self.budget_ms)
