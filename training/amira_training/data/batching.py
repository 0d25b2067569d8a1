"""Batches of recordings of about one length, so that little of a batch is padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_JITTER = 0.12


def batches_by_length(
    lengths: NDArray[np.int64], capacity: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Deals all indices into batches, each once, in random order.

    Neighbours in length come together; lengths are jittered by 12 % for that, so that batches differ
    from epoch to epoch.

    Args:
        lengths: ``[n]``, in samples or any other unit.
        capacity: the most that the padded batch, longest times count, may hold in the same unit. What
            is longer alone gets a batch alone.
    """
    jittered = lengths * rng.uniform(1 - _JITTER, 1 + _JITTER, len(lengths))
    batches: list[list[int]] = []
    longest = 0
    for index in np.argsort(jittered, kind="stable"):
        length = int(lengths[index])
        fits = batches and max(longest, length) * (len(batches[-1]) + 1) <= capacity
        if fits:
            batches[-1].append(int(index))
            longest = max(longest, length)
        else:
            batches.append([int(index)])
            longest = length
    return [np.array(batches[index], np.int64) for index in rng.permutation(len(batches))]
