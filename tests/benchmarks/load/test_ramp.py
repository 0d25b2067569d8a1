"""Levels rise until the budget breaks, then close in; capacity is what was carried, not what was offered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load.ramp import Ramp, capacity, refuses, within_budget


def figures(offered: int, p99: float | None, carried: float | None = None, **counts: int) -> dict[str, Any]:
    return {
        "offered": offered,
        "carried": float(offered) if carried is None else carried,
        "partial_latency_ms": {"p99": p99},
        "streams": {"complete": offered, "unfinished": 0, "refused": 0, "failed": 0, **counts},
    }


@given(limit=st.integers(1, 2000), first=st.integers(1, 64))
def test_it_ends_and_the_limit_lies_between_good_and_bad(limit: int, first: int) -> None:
    ramp = Ramp(first, refinements=4)
    for _ in range(60):
        lanes = ramp.next_level()
        if lanes is None:
            break
        ramp.took(lanes, figures(lanes, 100.0 if lanes <= limit else 900.0))
    else:
        pytest.fail("it does not end")
    assert ramp.good <= limit
    assert ramp.bad is not None
    assert ramp.bad > limit
    assert ramp.capacity == ramp.good


def test_a_failed_stream_breaks_a_level_and_a_late_one_too() -> None:
    assert within_budget(figures(10, 500.0))
    assert not within_budget(figures(10, 500.1))
    assert not within_budget(figures(10, 100.0, failed=1))
    assert not within_budget(figures(10, None))


def test_refusals_end_the_ramp_but_what_was_carried_counts() -> None:
    ramp = Ramp(100, refinements=0)
    full = figures(100, 200.0, carried=70.0, refused=30)
    assert refuses(full)
    ramp.took(100, full)
    assert ramp.next_level() is None
    assert ramp.capacity == 70.0


def test_capacity_is_the_most_carried_within_the_budget() -> None:
    assert capacity([figures(10, 100.0, 9.5), figures(20, 400.0, 19.0), figures(40, 900.0, 38.0)]) == 19.0
    assert capacity([figures(10, 900.0)]) == 0.0
