"""That every replica was full a moment ago."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from amira_core import errors

_REMEMBERED_S = 0.2
"""Room that is made meanwhile stays empty for so long at most; a crowd costs replicas five calls a second."""


class Fullness:
    """Refuses new streams at once for a moment after all replicas have refused one.

    A refusal that replicas are asked for costs three times as much as one that is remembered, of the time
    that the streams which run need. Not for streams that go on: they are taken where new ones are not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._until = -math.inf
        self._refusal: errors.NoCapacityError | None = None

    def check(self) -> None:
        """Raises NoCapacityError, as the replicas did, while that is remembered."""
        if self._refusal is not None and self._clock() < self._until:
            raise errors.NoCapacityError(
                self._refusal.message, retry_after_ms=self._refusal.retry_after_ms
            ) from None

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Around the opening of a new stream; lets through what it raises."""
        try:
            yield
        except errors.NoCapacityError as refusal:
            self._refusal, self._until = refusal, self._clock() + _REMEMBERED_S
            raise
        self._refusal = None
