"""Who speaks when: fixed beforehand, as many at once as asked for, whatever the server does."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load.schedule import GAP_S, once_each, schedule

LENGTHS = st.lists(st.floats(1, 20), min_size=1, max_size=6)


@given(lengths=LENGTHS, lanes=st.integers(1, 20), seed=st.integers(0, 5))
def test_a_lane_speaks_one_after_the_other_and_never_stops(
    lengths: list[float], lanes: int, seed: int
) -> None:
    turns = schedule(lengths, lanes, ramp_s=2, until_s=30, seed=seed)
    assert turns == sorted(turns, key=lambda turn: turn.begin_s)
    for lane in range(lanes):
        own = [turn for turn in turns if turn.lane == lane]
        assert own[0].begin_s <= 2
        for turn, following in itertools.pairwise(own):
            assert following.begin_s == pytest.approx(turn.begin_s + lengths[turn.recording] + GAP_S)
        assert own[-1].begin_s + lengths[own[-1].recording] + GAP_S >= 30


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule([3, 4, 5], 7, 2, 20, seed=1) == schedule([3, 4, 5], 7, 2, 20, seed=1)
    assert schedule([3, 4, 5], 7, 2, 20, seed=1) != schedule([3, 4, 5], 7, 2, 20, seed=2)


def test_there_must_be_something_to_play() -> None:
    with pytest.raises(ValueError, match="no recordings"):
        schedule([], 3, 1, 10, seed=1)


@given(lengths=LENGTHS, lanes=st.integers(1, 5))
def test_unloaded_every_recording_is_played_once_and_few_at_a_time(lengths: list[float], lanes: int) -> None:
    turns = once_each(lengths, lanes)
    assert sorted(turn.recording for turn in turns) == list(range(len(lengths)))
    for turn in turns:
        at_once = [
            other
            for other in turns
            if other.begin_s <= turn.begin_s < other.begin_s + lengths[other.recording]
        ]
        assert len(at_once) <= lanes
