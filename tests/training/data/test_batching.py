"""Batches hold every recording once, within the capacity."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amira_training.data.batching import batches_by_length


@given(st.lists(st.integers(1, 1000), max_size=200), st.integers(1, 5000), st.integers(0, 1000))
def test_every_index_once_and_never_too_much(lengths: list[int], capacity: int, seed: int) -> None:
    array = np.array(lengths, np.int64)
    batches = batches_by_length(array, capacity, np.random.default_rng(seed))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * array[batch].max() <= capacity


def test_little_is_padding() -> None:
    lengths = np.random.default_rng(0).integers(16000, 16000 * 19, 2000)
    batches = batches_by_length(lengths, 16000 * 130, np.random.default_rng(1))
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert lengths.sum() / padded > 0.8


def test_epochs_differ_and_repeat_with_the_seed() -> None:
    lengths = np.random.default_rng(0).integers(100, 1000, 300)

    def deal(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in batches_by_length(lengths, 8000, np.random.default_rng(seed))]

    assert deal(1) == deal(1)
    assert deal(1) != deal(2)
