"""What happened between two readings of a service."""

from __future__ import annotations

import math
import time
from collections import deque

from amira_core.metrics.metric import Metric
from amira_core.metrics.schema import Common
from amira_local.top.pages import Page


class Window:
    """From `before` to `now`; without `before`, from the start of the service."""

    def __init__(self, now: Page, before: Page | None = None) -> None:
        if before is not None and now.value(Common.START_TIME) != before.value(Common.START_TIME):
            before = None  # it was started anew: what it had counted is gone
        self.now = now
        self._before = before

    @property
    def seconds(self) -> float:
        """How long that was."""
        if self._before is not None:
            return max(1e-3, self.now.read_at - self._before.read_at)
        started_at = self.now.value(Common.START_TIME)
        return max(1e-3, time.time() - started_at) if started_at else 1e-3

    def growth(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """By how much a counter grew; `suffix` as in ``_sum``."""
        before = 0.0 if self._before is None else self._before.value(metric, suffix, **labels)
        return self.now.value(metric, suffix, **labels) - before

    def rate(self, metric: Metric, **labels: str) -> float:
        """A counter's growth per second."""
        return self.growth(metric, **labels) / self.seconds

    def mean(self, metric: Metric, **labels: str) -> float | None:
        """The mean of a histogram's observations; None: there were none."""
        count = self.growth(metric, "_count", **labels)
        return self.growth(metric, "_sum", **labels) / count if count else None

    def growth_by(self, metric: Metric, label: str) -> dict[str, float]:
        """By how much a counter grew, for each value of a label under which it did."""
        before = {} if self._before is None else self._before.by(metric, label)
        grown = {key: value - before.get(key, 0.0) for key, value in self.now.by(metric, label).items()}
        return {key: value for key, value in grown.items() if value > 0}

    def quantile(self, share: float, metric: Metric, **labels: str) -> float | None:
        """As Prometheus estimates it from the buckets; None: there were no observations."""
        before = {} if self._before is None else self._before.buckets(metric, **labels)
        counts = {b: n - before.get(b, 0.0) for b, n in self.now.buckets(metric, **labels).items()}
        return estimate_quantile(share, counts)


def estimate_quantile(share: float, counts: dict[float, float]) -> float | None:
    """The bound below which a share of the observations lies, taken as spread evenly within each bucket.

    Args:
        share: from 0 to 1.
        counts: upper bound -> observations up to it, with infinity.
    """
    bounds = sorted(counts)
    total = counts[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    wanted, low, below = share * total, 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= wanted and counts[bound] > below:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (wanted - below) / (counts[bound] - below)
        low, below = bound, counts[bound]
    return low


class History:
    """The readings of the last `seconds`, for windows of about that length."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pages: dict[str, deque[Page]] = {}

    def add(self, page: Page) -> Window:
        """The window that ends with `page`. The first one of a service begins at its start."""
        pages = self._pages.setdefault(page.address, deque())
        if page.problem:
            pages.clear()
            return Window(page)
        while len(pages) > 1 and page.read_at - pages[1].read_at >= self._seconds:
            pages.popleft()
        window = Window(page, pages[0] if pages else None)
        pages.append(page)
        return window
