"""How much of the time that the decoder has is needed for the streams that it has.

Every stream brings one chunk per chunk duration. A stage (encoder, search) keeps up as long as a step over
one chunk of each stream takes less than that; the share is its load. That the pipeline is busy says
nothing: one client that sends a file as fast as it can keeps it busy, and is no load beyond its one stream
since its chunks may wait (turns.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from amira_decoder.load.step_cost import StepCost

_STALE_S: Final = 10.0
"""So long after the last step nothing is known any more of what one costs now."""
_HALF_LIVES_S: Final = (4.0, 30.0)
"""Whichever of the two finds steps to cost more is believed: a machine that gets slower is noticed within
seconds, and one that was slow for a while is trusted again only after a while."""
_RATE_S: Final = 1.0
"""Time over which the rows that were decoded are averaged."""


class LoadMeter:
    """Fed by the scheduler with each step. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._chunk_s = math.inf
        self._encoder = [StepCost(half_life_s) for half_life_s in _HALF_LIVES_S]
        self._search = [StepCost(half_life_s) for half_life_s in _HALF_LIVES_S]
        self._rows = 0.0
        self._counted_at = clock()

    def begin(self, chunk_s: float) -> None:
        """Says how much audio a chunk is, once the encoder is known."""
        self._chunk_s = chunk_s

    def encoded(self, rows: int, seconds: float) -> None:
        """An encoder step is done."""
        now = self.clock()
        for cost in self._encoder:
            cost.add(rows, seconds, now)
        self._rows = self._rows_left(now) + rows
        self._counted_at = now

    def searched(self, rows: int, seconds: float) -> None:
        """A step of the search is done."""
        if rows:
            now = self.clock()
            for cost in self._search:
                cost.add(rows, seconds, now)

    def load(self, streams: int) -> float:
        """What share of the time so many streams would need: 1 is all of it, more is too much.

        0 while nothing is known: before the first steps, and some seconds after the last.
        """
        now = self.clock()
        costs = [cost for cost in (*self._encoder, *self._search) if now - cost.added_at < _STALE_S]
        return max((cost.seconds(streams) / self._chunk_s for cost in costs), default=0.0)

    @property
    def carried(self) -> float:
        """Streams whose chunks were decoded of late: rows per chunk duration, over some seconds."""
        if math.isinf(self._chunk_s):
            return 0.0
        return self._rows_left(self.clock()) / _RATE_S * self._chunk_s

    def rows_within(self, share: float) -> int:
        """Rows that a step of the encoder may have to take no more than this share of a chunk's time."""
        return self._encoder[0].rows_within(share * self._chunk_s)

    def _rows_left(self, now: float) -> float:
        return self._rows * math.exp((self._counted_at - now) / _RATE_S)
