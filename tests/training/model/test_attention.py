"""Attention in blocks is attention under the mask that the windows describe."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from amira_training.model.attention import Window, attend_in_blocks, attend_to_all

windows = st.builds(
    Window,
    chunk=st.integers(1, 20),
    left=st.integers(0, 40),
    right=st.integers(0, 3),
    delay=st.integers(0, 12),
)


def _masked(q: Tensor, k: Tensor, v: Tensor, window: Window) -> Tensor:
    position = torch.arange(q.shape[2])
    chunk_of_audio = torch.div(position + window.delay, window.chunk, rounding_mode="floor")
    start = chunk_of_audio * window.chunk - window.delay
    first, end = start - window.left, start + window.chunk + window.right
    seen = (position >= first[:, None]) & (position < end[:, None])
    scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).masked_fill(~seen, float("-inf"))
    return scores.softmax(-1) @ v


@settings(max_examples=60, deadline=None)
@given(window=windows, steps=st.integers(1, 70))
def test_blocks_equal_the_mask(window: Window, steps: int) -> None:
    torch.manual_seed(steps)
    q, k, v = torch.randn(3, 2, 2, steps, 5).unbind(0)
    expected = _masked(q, k, v, window)
    torch.testing.assert_close(attend_in_blocks(q, k, v, window), expected, atol=1e-5, rtol=1e-4)


def test_a_window_over_everything_is_no_window() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 9, 5).unbind(0)
    everything = Window(chunk=9, left=0, right=0, delay=0)
    torch.testing.assert_close(attend_in_blocks(q, k, v, everything), attend_to_all(q, k, v))
