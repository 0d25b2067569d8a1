"""Where in the lattice the pruned loss looks: a band of R rows per frame, around the likely paths."""

from __future__ import annotations

import numpy as np

from amira_training.loss.lattice import Floats, Integers


def pruning_starts(
    by_token: Floats, by_blank: Floats, token_counts: Integers, frame_counts: Integers, width: int
) -> Integers:
    """First row of the band at each frame: ``[N, T]``.

    A band holds the most occupancy it can, under what a path needs: it begins at row 0, ends at the
    last row, never goes back, and rises by less than ``width`` from frame to frame. (Where a lattice
    has too few frames for that, it does not reach the last row, and the pruned loss says so.)

    Args:
        by_token: occupancies of the simple loss, ``[N, U, T]``.
        by_blank: ``[N, U + 1, T]``.
        token_counts: ``[N]``.
        frame_counts: ``[N]``.
        width: R, at least 2.
    """
    if width < 2:
        raise ValueError(f"a band of {width} rows cannot rise")
    batch, _, frames = by_blank.shape
    starts = np.zeros((batch, frames), np.int64)
    for n, (rows, last) in enumerate(zip(token_counts, frame_counts, strict=True)):
        starts[n] = _band(by_token[n, :rows, :last], by_blank[n, : rows + 1, :last], width, frames)
    return starts


def _band(by_token: Floats, by_blank: Floats, width: int, padded_frames: int) -> Integers:
    rows, frames = by_blank.shape  # tokens + 1
    highest = max(0, rows - width)
    occupancy = by_blank.astype(np.float64)
    occupancy[:-1] += by_token
    below = np.zeros((rows + 1, frames))
    np.cumsum(occupancy, 0, out=below[1:])
    held = below[np.minimum(np.arange(highest + 1) + width, rows)] - below[: highest + 1]
    best = held.argmax(0)

    # Reachable from row 0 in time, never back, and high enough for what the next frame needs. (Bounded
    # from above first: else a jump early on would lift the first frame off row 0.)
    climb = (width - 1) * np.arange(frames)
    best[-1] = highest
    best = np.maximum.accumulate(np.minimum(best, climb))
    best = np.maximum.accumulate((best - climb)[::-1])[::-1] + climb
    starts = np.full(padded_frames, highest, np.int64)
    starts[:frames] = best
    return starts
