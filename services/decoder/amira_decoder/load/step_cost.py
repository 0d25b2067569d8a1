"""What a step costs that handles several streams at once, learnt from the steps that were taken.

A step over n rows takes about ``base + n * per_row`` seconds: on a GPU nearly all of it is base, on a CPU
nearly all is rows. Both are fitted to recent steps. Where those had all the same number of rows, everything
is put down to the rows, which promises too little rather than too much.
"""

from __future__ import annotations

import math
from typing import Final

_PRIOR_ROWS: Final = 0.1
"""Variance of the number of rows (rows²) below which the fit leans towards a base of 0."""
_MOST_TIMES: Final = 3.0
"""A step that took longer than this many times what was expected counts as one that took just that long:
a pause of the machine says little about its speed, but what lasts is still learnt within a few steps."""
_ENOUGH_WEIGHT: Final = 3.0
_MOST_ROWS: Final = 10_000


class StepCost:
    """Times are monotonic seconds."""

    def __init__(self, half_life_s: float) -> None:
        """`half_life_s`: a step that lies so long back counts half."""
        self._half_life_s = half_life_s
        self._weight = self._rows = self._seconds = self._rows_rows = self._rows_seconds = 0.0
        self._added_at = -math.inf

    @property
    def added_at(self) -> float:
        """When the last step was added; minus infinity before the first."""
        return self._added_at

    def add(self, rows: int, seconds: float, now: float) -> None:
        """Notes a step over `rows` rows, of which there must be some."""
        expected_s = self.seconds(rows)
        if self._weight >= _ENOUGH_WEIGHT and expected_s > 0:
            seconds = min(seconds, _MOST_TIMES * expected_s)
        kept = 0.5 ** ((now - self._added_at) / self._half_life_s)
        self._weight = kept * self._weight + 1
        self._rows = kept * self._rows + rows
        self._seconds = kept * self._seconds + seconds
        self._rows_rows = kept * self._rows_rows + rows * rows
        self._rows_seconds = kept * self._rows_seconds + rows * seconds
        self._added_at = now

    def seconds(self, rows: float) -> float:
        """What a step over so many rows is expected to take; 0 before the first."""
        base_s, per_row_s = self._fit()
        return base_s + rows * per_row_s

    def rows_within(self, seconds: float) -> int:
        """How many rows a step of so many seconds can have; 1 before the first step, and at least."""
        if not self._weight:
            return 1
        base_s, per_row_s = self._fit()
        left_s = seconds - base_s
        if left_s <= per_row_s:
            return 1
        return _MOST_ROWS if left_s >= _MOST_ROWS * per_row_s else math.floor(left_s / per_row_s)

    def _fit(self) -> tuple[float, float]:
        """Base and seconds per row, neither below 0."""
        if not self._weight:
            return 0.0, 0.0
        mean_rows, mean_s = self._rows / self._weight, self._seconds / self._weight
        variance = max(0.0, self._rows_rows / self._weight - mean_rows**2)
        covariance = self._rows_seconds / self._weight - mean_rows * mean_s
        proportional_s = mean_s / mean_rows
        slope_s = (covariance + _PRIOR_ROWS * proportional_s) / (variance + _PRIOR_ROWS)
        per_row_s = min(max(slope_s, 0.0), proportional_s)
        return mean_s - per_row_s * mean_rows, per_row_s
