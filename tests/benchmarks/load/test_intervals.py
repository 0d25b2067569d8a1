"""Intervals hold what they say: drawn by group, the same each time, none where there is too little."""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.load import intervals
from benchmarks.load.intervals import FEWEST, of_error_rate, of_quantiles
from evaluation.word_errors import Errors

MEDIAN = {"p50": 50.0}


def test_they_hold_the_truth_about_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 300)
    chance = random.Random(5)
    held = 0
    for _ in range(40):
        groups = [[chance.gauss(100, 10) for _ in range(3)] for _ in range(40)]
        found = of_quantiles(groups, MEDIAN)
        assert found is not None
        held += found["p50"][0] <= 100 <= found["p50"][1]
    assert 34 <= held <= 40  # 38 are expected


def test_values_of_a_stream_do_not_count_as_so_many_witnesses() -> None:
    chance = random.Random(7)
    streams = [[level + chance.gauss(0, 1) for _ in range(50)] for level in range(100, 120)]
    together = of_quantiles(streams, MEDIAN)
    apart = of_quantiles([[value] for values in streams for value in values], MEDIAN)
    assert together is not None
    assert apart is not None
    assert together["p50"][1] - together["p50"][0] > 3 * (apart["p50"][1] - apart["p50"][0])


def test_quantiles_of_repeated_values_are_those_of_numpy() -> None:
    chance = np.random.default_rng(3)
    values, times = np.sort(chance.normal(size=50)), chance.integers(0, 4, size=50)
    shares = np.array([0.0, 0.3, 0.5, 0.99, 1.0])
    found = intervals._weighted(values, times, shares)
    assert found == pytest.approx(np.quantile(np.repeat(values, times), shares))


def test_the_same_values_give_the_same_interval() -> None:
    groups = [[float(number), 2.0 * number] for number in range(12)]
    assert of_quantiles(groups, MEDIAN) == of_quantiles(groups, MEDIAN)
    assert of_quantiles([[7.0]] * 12, MEDIAN) == {"p50": [7.0, 7.0]}


@pytest.mark.parametrize("groups", [[], [[]] * 20, [[1.0, 2.0]] * (FEWEST - 1)])
def test_so_few_streams_have_no_interval(groups: list[list[float]]) -> None:
    assert of_quantiles(groups, MEDIAN) is None


def test_word_error_rates_are_drawn_by_recording() -> None:
    found = of_error_rate([Errors(10, number % 3, 0, 0) for number in range(24)])
    assert found is not None
    assert found[0] < 100 * sum(number % 3 for number in range(24)) / 240 < found[1]
    assert of_error_rate([Errors(10, 1, 0, 0)] * (FEWEST - 1)) is None
    assert of_error_rate([Errors()] * FEWEST) is None
