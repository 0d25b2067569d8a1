"""The fleet simulator against what queueing theory and common sense say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.capacity.fleet import Fleet, Plan

CALM = Plan(300, 20, mean_stream_s=60, ramp_s=600, steady_s=600, pod_deaths_per_hour=0.0)


def test_as_many_streams_as_planned_run_on_the_pods_that_the_target_asks_for() -> None:
    answer = Fleet(CALM).run()
    part = len(answer.used) // 3
    assert sum(answer.used[-part:]) / part == pytest.approx(300, rel=0.1)
    assert answer.steady_pods == pytest.approx(300 / (20 * 0.7), rel=0.15)
    assert answer.steady_filled == pytest.approx(0.7, rel=0.15)
    assert (answer.moved, answer.lost) == (0, 0)
    assert answer.refused / answer.arrived < 0.03  # the autoscaler is minutes behind a steep rise


def test_without_an_autoscaler_that_keeps_up_streams_are_refused() -> None:
    slow = replace(CALM, pod_start_s=10_000, ramp_s=300)
    answer = Fleet(slow).run()
    assert max(answer.pods) == answer.pods[0]
    assert answer.refused / answer.arrived > 0.3
    assert max(answer.used) <= answer.pods[0] * 20


def test_a_lost_zone_moves_its_streams() -> None:
    answer = Fleet(replace(CALM, zone_lost_at_s=900)).run()
    assert answer.moved + answer.lost == pytest.approx(100, rel=0.35)
    assert answer.longest_wait_s <= CALM.recovery_s + 1


def test_where_nothing_is_free_streams_are_lost_after_the_recovery_time() -> None:
    full = replace(CALM, target_filled=1.0, pod_start_s=120, mean_stream_s=3600, zone_lost_at_s=900)
    answer = Fleet(full).run()
    assert answer.lost > 0
    calm = Fleet(replace(full, recovery_s=400)).run()
    assert calm.lost < answer.lost


def test_fewer_zones_lose_more() -> None:
    three = Fleet(replace(CALM, zone_lost_at_s=900)).run()
    six = Fleet(replace(CALM, zone_lost_at_s=900, zones=6)).run()
    assert six.moved + six.lost < three.moved + three.lost


def test_pods_that_die_one_by_one_lose_nobody() -> None:
    answer = Fleet(replace(CALM, pod_deaths_per_hour=1.0)).run()
    assert answer.moved > 0
    assert answer.lost == 0


def test_the_same_seed_gives_the_same_answer() -> None:
    first, second = (Fleet(replace(CALM, pod_deaths_per_hour=1.0)).run() for _ in range(2))
    assert (first.arrived, first.moved, first.used) == (second.arrived, second.moved, second.used)
