"""Waiting times behind faults, on streams that never were."""

from __future__ import annotations

import pytest

from chaos.load import Recording, Said
from chaos.recovery import held_up_s, percentile, recoveries
from tests.chaos.made_up import recording, result

S = 1_000_000_000
STEADY = [(0.5 * step + 0.1, step * S // 2) for step in range(1, 41)]
"""A result for every half second of audio, a tenth of a second behind it."""


def stopped(from_s: float, until_s: float) -> list[tuple[float, int]]:
    """STEADY, but what came between the two comes at `until_s`."""
    return [(until_s if from_s < at_s < until_s else at_s, decoded) for at_s, decoded in STEADY]


def test_an_undisturbed_stream_waits_for_nothing() -> None:
    assert held_up_s(5.0, 0.0, STEADY, STEADY) == 0.0


def test_a_stop_is_measured_from_what_was_due_first() -> None:
    assert held_up_s(5.0, 0.0, STEADY, stopped(5.0, 7.3)) == pytest.approx(7.3 - 5.1)


def test_results_that_were_under_way_do_not_hide_a_stop() -> None:
    assert held_up_s(5.0, 0.0, STEADY, stopped(5.2, 7.3)) == pytest.approx(7.3 - 5.6)


def test_a_stop_long_behind_the_fault_is_not_its_doing_unless_the_fault_lasts() -> None:
    late = stopped(9.0, 11.0)
    assert held_up_s(5.0, 0.0, STEADY, late) == 0.0
    assert held_up_s(5.0, 4.0, STEADY, late) == pytest.approx(11.0 - 9.1)


def test_a_stream_that_ended_says_nothing() -> None:
    assert held_up_s(5.0, 0.0, STEADY, [one for one in STEADY if one[0] < 5]) is None
    assert held_up_s(50.0, 0.0, STEADY, STEADY) is None


def test_only_streams_that_waited_are_named() -> None:
    calm = recording([result(0, "a", 0.5 * step) for step in range(1, 21)], "calm")
    hit = Recording("hit", [Said(one.at_s + 1.5 * (one.at_s > 4), one.response) for one in calm.said])
    (found,) = recoveries(4.2, 0.0, [calm, calm], [calm, hit])
    assert found.stream == "hit"
    assert found.seconds == pytest.approx(1.5)


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, q) for q in (0, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([3.0, 1.0], 50) == 1.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)
