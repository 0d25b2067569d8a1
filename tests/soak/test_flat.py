"""What counts as growth."""

from __future__ import annotations

import pytest

from soak.flat import Trend, trends
from soak.watch import DESCRIPTORS, MEMORY, SLOTS, TASKS, Sample


def sampled(quantity: str, values: list[float], after: float) -> Trend:
    samples = [Sample(number * 150.0, {("gateway", quantity): value}) for number, value in enumerate(values)]
    before = Sample(0.0, {("gateway", quantity): values[0]})
    [trend] = trends(before, samples, Sample(9999.0, {("gateway", quantity): after}))
    return trend


@pytest.mark.parametrize(
    ("quantity", "per_sample", "grew"),
    [(MEMORY, 0.1, False), (MEMORY, 1.5, True), (DESCRIPTORS, 0.0, False), (DESCRIPTORS, 1.0, True)],
)
def test_steady_growth_over_an_hour(quantity: str, per_sample: float, grew: bool) -> None:
    values = [100.0 + per_sample * number for number in range(24)]
    assert sampled(quantity, values, after=100.0).grew is grew


def test_what_fills_at_first_is_not_growth() -> None:
    assert not sampled(MEMORY, [100.0, 150.0, 170.0, 175.0, 178.0] + [180.0] * 19, after=180.0).grew


def test_noise_is_not_growth() -> None:
    assert not sampled(TASKS, [60.0, 71.0, 66.0, 58.0] * 6, after=60.0).grew


@pytest.mark.parametrize(("quantity", "after"), [(SLOTS, 1.0), (TASKS, 64.0), (DESCRIPTORS, 70.0)])
def test_what_is_left_when_all_is_quiet(quantity: str, after: float) -> None:
    before = 0.0 if quantity == SLOTS else 60.0
    assert sampled(quantity, [before] * 24, after=after).grew


def test_too_few_samples_say_so() -> None:
    with pytest.raises(ValueError, match="only 3 samples"):
        sampled(MEMORY, [1.0, 1.0, 1.0], after=1.0)
