"""The autoscaler's rule, on examples worked out by hand from Kubernetes' documentation."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from benchmarks.autoscaling.__main__ import MANIFEST, METRIC
from benchmarks.autoscaling.formula import Autoscaler, Pace, Rule, quantity

AT_ONCE = Pace(0.0, [("Pods", 100, 1.0)])


def rule(
    target: float = 0.7, least: int = 1, most: int = 20, up: Pace = AT_ONCE, down: Pace = AT_ONCE
) -> Rule:
    """One without patience, unless told otherwise."""
    return Rule(target, least, most, up, down)


@pytest.mark.parametrize(
    ("used", "wanted"),
    [
        ([1.0], 2),  # 1 / 0.7 = 1.43
        ([1.0, 1.0], 3),
        ([0.5, 0.5, 0.5], 3),  # 1.5 / 0.7 = 2.14
        ([0.5, 0.0, 0.0], 1),
        ([0.0, 0.0], 1),  # never below the least
        ([0.75, 0.72], 2),  # within a tenth of the target: nothing is done
        ([0.7, 0.7, 0.7], 3),
    ],
)
def test_as_many_as_bring_the_use_to_its_target(used: list[float], wanted: int) -> None:
    assert Autoscaler(rule()).decide(0.0, len(used), used) == wanted


def test_bounds_hold() -> None:
    assert Autoscaler(rule(most=4)).decide(0.0, 3, [1.0, 1.0, 1.0]) == 4
    assert Autoscaler(rule(least=2)).decide(0.0, 3, [0.0, 0.0, 0.0]) == 2


def test_those_that_start_count_against_the_change() -> None:
    # Two are full and two start: as if those were empty, so that not twice as many are started.
    assert Autoscaler(rule()).decide(0.0, 4, [1.0, 1.0]) == 4
    # Two idle and one that cannot say: as if that one were at its target.
    assert Autoscaler(rule()).decide(0.0, 3, [0.0, 0.0]) == 1
    assert Autoscaler(rule()).decide(0.0, 3, []) == 3


def test_fewer_only_after_a_while_of_wanting_fewer() -> None:
    patient = Autoscaler(rule(down=Pace(10.0, [("Pods", 100, 1.0)])))
    assert patient.decide(0.0, 3, [1.0, 1.0, 0.0]) == 3
    assert patient.decide(5.0, 3, [0.0, 0.0, 0.0]) == 3
    assert patient.decide(9.0, 3, [0.0, 0.0, 0.0]) == 3
    assert patient.decide(10.1, 3, [0.0, 0.0, 0.0]) == 1


def test_a_peak_within_that_while_starts_it_again() -> None:
    patient = Autoscaler(rule(down=Pace(10.0, [("Pods", 100, 1.0)])))
    assert patient.decide(0.0, 3, [0.0, 0.0, 0.0]) == 1  # nothing else was ever wanted
    patient = Autoscaler(rule(down=Pace(10.0, [("Pods", 100, 1.0)])))
    for now_s, used in ((0.0, 1.0), (6.0, 0.0), (9.0, 0.7), (15.0, 0.0)):
        assert patient.decide(now_s, 2, [used, used / 2]) >= 2
    assert patient.decide(19.5, 2, [0.0, 0.0]) == 1


def test_one_at_a_time_where_the_policy_says_so() -> None:
    slow = Autoscaler(rule(down=Pace(0.0, [("Pods", 1, 60.0)])))
    assert slow.decide(0.0, 4, [0.0] * 4) == 3
    assert slow.decide(30.0, 3, [0.0] * 3) == 3
    assert slow.decide(60.0, 3, [0.0] * 3) == 2


def test_the_widest_policy_counts_on_the_way_up() -> None:
    quick = Pace(0.0, [("Percent", 100, 30.0), ("Pods", 2, 30.0)])
    assert Autoscaler(rule(up=quick)).decide(0.0, 1, [9.0]) == 3
    scaler = Autoscaler(rule(up=quick))
    assert scaler.decide(0.0, 4, [9.0] * 4) == 8
    assert scaler.decide(10.0, 8, [9.0] * 8) == 8
    assert scaler.decide(30.0, 8, [9.0] * 8) == 16


@given(streams=some.integers(0, 200), slots=some.integers(1, 64), replicas=some.integers(1, 20))
def test_comes_to_rest_with_room_for_more(streams: int, slots: int, replicas: int) -> None:
    most = 20
    scaler = Autoscaler(rule(most=most))
    counts = []
    for step in range(30):
        share = min(streams / replicas / slots, 1.0)
        replicas = scaler.decide(10.0 * step, replicas, [share] * replicas)
        counts.append(replicas)
    assert counts[-1] == counts[-5]
    assert replicas == most or streams / (replicas * slots) <= 0.7 * 1.1 + 1e-9
    assert replicas <= max(1, math.ceil(streams / slots / 0.7 * 1.12) + 1)


def test_the_manifest_is_read() -> None:
    read = Rule.read(yaml.safe_load(MANIFEST.read_text()), METRIC, faster=60)
    assert (read.target, read.least, read.most) == (0.7, 2, 20)
    assert read.down.window_s == 10.0
    assert [each[:2] for each in read.down.policies] == [("Pods", 1)]


def test_quantities() -> None:
    assert [quantity(text) for text in ("700m", "2", "0.5")] == [0.7, 2.0, 0.5]
