"""FrameBuffer: what goes in comes out, in windows, with silence after the end."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amira_decoder.frame_buffer import SILENCE_LOG_MEL, FrameBuffer


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=30))
def test_keeps_order_and_content(steps: list[tuple[int, int]]) -> None:
    buffer = FrameBuffer(2, capacity_frames=4)
    written = dropped = 0
    for add, drop in steps:
        buffer.append(np.arange(written, written + add, dtype=np.float32)[:, None].repeat(2, 1))
        written += add
        drop = min(drop, len(buffer))
        buffer.drop(drop)
        dropped += drop
        assert len(buffer) == written - dropped
        window = np.empty((50, 2), np.float32)
        count = min(len(buffer), 50)
        buffer.copy_window(window, count)
        assert (window[:count, 0] == np.arange(dropped, dropped + count)).all()
        assert (window[count:] == np.float32(SILENCE_LOG_MEL)).all()
