"""The two lag figures, with a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_gateway.session.lag import LagTracker


def test_audio_is_received_minus_decoded() -> None:
    lag = LagTracker()
    lag.arrived(2.0, now=1.0)
    assert lag.behind_s == 2.0
    lag.decoded(64)
    assert lag.behind_s == pytest.approx(1.36)
    lag.decoded(300)  # the last frame is rounded up, flushes pad
    assert lag.behind_s == 0.0


def test_latency_counts_from_the_message_that_completed_the_chunk() -> None:
    lag = LagTracker()
    lag.accepted(look_ahead_s=0.35)
    for count in range(1, 21):  # 100 ms a message, message n arrives at n
        lag.arrived(count / 10, now=float(count))
    # 640 ms + 350 ms + 7.5 ms of window: the tenth message ends at 1.0 s.
    assert lag.decoded(64) == 10.0
    # 1280 + 350 + 7.5 = 1637.5 ms: the seventeenth.
    assert lag.decoded(128) == 17.0


def test_a_flush_completes_what_came_before_it() -> None:
    lag = LagTracker()
    lag.accepted(0.35)
    lag.arrived(0.5, now=1.0)
    lag.closed(now=5.0)
    lag.arrived(3.0, now=9.0)
    assert lag.decoded(50) == 5.0
    assert lag.decoded(114) == 9.0


def test_compressed_audio_is_as_long_as_the_frontend_says() -> None:
    lag = LagTracker()
    lag.forwarded(arrived_at=3.0)
    lag.extracted(16_000)
    assert lag.heard_s == 1.0
    lag.forwarded(arrived_at=4.0)
    lag.extracted(32_000)
    assert lag.decoded(64) == 3.0
    assert lag.decoded(192) == 4.0


def test_nothing_decoded_has_no_latency() -> None:
    lag = LagTracker()
    assert lag.decoded(0) is None
    lag.arrived(1.0, 1.0)
    assert lag.decoded(0) is None


@given(
    st.lists(st.floats(0.0001, 3), min_size=1, max_size=50),
    st.lists(st.integers(0, 9000), max_size=20),
    st.floats(0, 1),
)
def test_the_moment_is_always_an_arrival_and_never_goes_back(
    pieces: list[float], decoded: list[int], look_ahead_s: float
) -> None:
    lag = LagTracker()
    lag.accepted(look_ahead_s)
    total = 0.0
    for now, piece in enumerate(pieces):
        total += piece
        lag.arrived(total, float(now))
    before = 0.0
    for frames in sorted(decoded):
        moment = lag.decoded(frames)
        assert lag.behind_s >= 0
        if moment is not None:
            assert before <= moment <= len(pieces)
            before = moment


def test_memory_is_bounded_when_nothing_is_ever_decoded() -> None:
    lag = LagTracker()
    for count in range(50_000):
        lag.arrived(count / 100, float(count))
    assert len(lag._arrivals) <= 8192
