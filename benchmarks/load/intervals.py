"""How far figures of one run can be trusted: 95 % intervals by bootstrap (percentile method, seeded).

What belongs together is drawn together: all results of a stream, all transcripts of a recording. The
intervals hold what varies from stream to stream within a run, not what varies from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.word_errors import Errors
from evaluation.word_errors import interval as interval_of_rate

RESAMPLES = 1000
FEWEST = 8
"""With fewer streams or recordings there is no interval: so few say nothing of their own spread."""
_SEED = 20


def of_quantiles(
    groups: Sequence[Sequence[float]], quantiles: Mapping[str, float]
) -> dict[str, list[float]] | None:
    """Intervals of quantiles of all values together, where the values of a group depend on each other.

    Args:
        groups: values by stream; empty ones do not count.
        quantiles: name and per cent, interpolated as numpy does.

    Returns:
        [low, high] by name; None with fewer than FEWEST groups.
    """
    filled = [group for group in groups if len(group)]
    if len(filled) < FEWEST:
        return None
    values = np.concatenate([np.asarray(group, dtype=float) for group in filled])
    order = np.argsort(values, kind="stable")
    owner = np.repeat(np.arange(len(filled)), [len(group) for group in filled])[order]
    chance = np.random.default_rng(_SEED)
    shares = np.array(list(quantiles.values())) / 100
    drawn = np.array(
        [_weighted(values[order], _times_drawn(chance, len(filled))[owner], shares) for _ in range(RESAMPLES)]
    )
    bounds = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {
        name: [round(float(low), 1), round(float(high), 1)]
        for name, low, high in zip(quantiles, *bounds, strict=True)
    }


def of_error_rate(by_recording: Sequence[Errors]) -> list[float] | None:
    """Interval of the word error rate in per cent, resampled by recording; None with fewer than FEWEST."""
    if len(by_recording) < FEWEST or not any(errors.words for errors in by_recording):
        return None
    return [round(bound, 2) for bound in interval_of_rate(by_recording)]


def _times_drawn(chance: np.random.Generator, count: int) -> NDArray[np.int64]:
    return np.bincount(chance.integers(count, size=count), minlength=count)


def _weighted(
    values: NDArray[np.float64], times: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantiles of sorted values, each of which is there so many times."""
    ends = np.cumsum(times)
    place = (ends[-1] - 1) * shares
    below = np.floor(place)
    low = values[np.searchsorted(ends, below, side="right")]
    high = values[np.searchsorted(ends, np.ceil(place), side="right")]
    quantile: NDArray[np.float64] = low + (high - low) * (place - below)
    return quantile
