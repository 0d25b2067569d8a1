"""What a step is taken to cost, and what share of the time streams need."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_decoder.load import LoadMeter
from amira_decoder.load.step_cost import StepCost


@dataclass
class Clock:
    """Monotonic seconds that pass when told."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_known_before_the_first_step() -> None:
    cost = StepCost(4.0)
    assert cost.seconds(5) == 0
    assert cost.rows_within(1.0) == 1


@pytest.mark.parametrize(("base_s", "per_row_s"), [(0.0, 0.005), (0.005, 0.0001), (0.01, 0.02)])
def test_base_and_rows_are_told_apart(base_s: float, per_row_s: float) -> None:
    cost = StepCost(4.0)
    for number in range(60):
        rows = 1 + number % 7
        cost.add(rows, base_s + rows * per_row_s, 0.05 * number)
    in_truth_s = base_s + 40 * per_row_s
    assert in_truth_s * 0.999 < cost.seconds(40) < in_truth_s * 1.4  # rather too much than too little
    assert 25 < cost.rows_within(in_truth_s) <= 40


def test_steps_of_one_size_say_nothing_about_a_base() -> None:
    cost = StepCost(4.0)
    for number in range(30):
        cost.add(1, 0.01, 0.1 * number)
    assert cost.seconds(20) == pytest.approx(0.2)


def test_a_pause_of_the_machine_counts_little_and_a_slower_machine_soon() -> None:
    cost = StepCost(4.0)
    for number in range(40):
        cost.add(2, 0.02, 0.1 * number)
    cost.add(2, 5.0, 4.0)
    assert cost.seconds(2) < 0.03
    for number in range(100):
        cost.add(2, 0.1, 4.1 + 0.2 * number)
    assert cost.seconds(2) == pytest.approx(0.1, rel=0.05)


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(0, 10), st.floats(0, 5)), min_size=1, max_size=60))
def test_no_step_is_ever_expected_to_cost_less_than_nothing(steps: list[tuple[int, float, float]]) -> None:
    cost, now = StepCost(4.0), 0.0
    for rows, seconds, pause in steps:
        now += pause
        cost.add(rows, seconds, now)
        assert cost.seconds(1) >= -1e-9
        assert cost.seconds(64) >= cost.seconds(1) - 1e-9
        assert cost.rows_within(0.1) >= 1


def test_load_is_what_one_chunk_of_each_stream_takes() -> None:
    clock = Clock()
    meter = LoadMeter(clock)
    meter.begin(chunk_s=0.32)
    assert meter.load(10) == 0
    for _ in range(50):
        clock.now += 0.1
        meter.encoded(2, 0.02)
        meter.searched(2, 0.002)
    assert meter.load(16) == pytest.approx(0.5, rel=0.02)
    clock.now += 11  # since then anything may have changed
    assert meter.load(16) == 0


def test_the_slower_stage_counts() -> None:
    meter = LoadMeter(Clock())
    meter.begin(chunk_s=0.1)
    meter.encoded(1, 0.01)
    meter.searched(1, 0.03)
    meter.searched(0, 9.0)  # controls alone
    assert meter.load(1) == pytest.approx(0.3)


def test_a_client_that_keeps_the_decoder_busy_is_one_stream_of_load() -> None:
    clock = Clock()
    meter = LoadMeter(clock)
    meter.begin(chunk_s=0.32)
    for _ in range(1000):  # back to back
        clock.now += 0.01
        meter.encoded(1, 0.01)
    assert meter.load(1) == pytest.approx(0.03, rel=0.05)
    assert meter.carried == pytest.approx(32, rel=0.05)


def test_carried_streams_are_forgotten_when_they_have_gone() -> None:
    clock = Clock()
    meter = LoadMeter(clock)
    assert meter.carried == 0
    meter.begin(chunk_s=0.5)
    for _ in range(100):
        clock.now += 0.5
        meter.encoded(10, 0.01)
    assert meter.carried == pytest.approx(10, rel=0.3)
    clock.now += 20
    assert meter.carried < 0.01
