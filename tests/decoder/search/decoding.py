"""Running a search over whole utterances, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from amira_decoder.search import HotwordAutomaton, Hypothesis, Search, Segment

CHUNK_FRAMES = 16


def decode(
    search: Search, frames: NDArray[np.float32], hotwords: HotwordAutomaton | None = None
) -> Hypothesis:
    """One utterance [T, D] on its own."""
    return decode_batch(search, [frames], [hotwords])[0]


def decode_batch(
    search: Search,
    utterances: Sequence[NDArray[np.float32]],
    hotwords: Sequence[HotwordAutomaton | None] | None = None,
    starts: Sequence[int] | None = None,
) -> list[Hypothesis]:
    """Many at once; each joins the batch at its start (a tick) and leaves it where it ends."""
    segments = open_segments(search, utterances, hotwords, starts)
    return search.best(segments)


def open_segments(
    search: Search,
    utterances: Sequence[NDArray[np.float32]],
    hotwords: Sequence[HotwordAutomaton | None] | None = None,
    starts: Sequence[int] | None = None,
) -> list[Segment]:
    """As :func:`decode_batch`, but gives the segments."""
    starts = starts or [0] * len(utterances)
    segments = [search.start_segment(automaton) for automaton in hotwords or [None] * len(utterances)]
    ticks = max(
        start + -(-len(frames) // CHUNK_FRAMES) for start, frames in zip(starts, utterances, strict=True)
    )
    for tick in range(ticks):
        chunks = {
            row: frames[(tick - start) * CHUNK_FRAMES : (tick - start + 1) * CHUNK_FRAMES]
            for row, (start, frames) in enumerate(zip(starts, utterances, strict=True))
            if start <= tick
        }
        for size in sorted({len(chunk) for chunk in chunks.values()} - {0}):
            live = [row for row, chunk in chunks.items() if len(chunk) == size]
            search.advance([segments[row] for row in live], np.stack([chunks[row] for row in live]))
    return segments
