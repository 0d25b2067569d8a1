"""How far ahead of the clock a stream is: more of its audio was decoded than can have been spoken since."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_PRE_ROLL_S: Final = 3.0
"""Audio that a client may have had before it began, without counting as faster than speech."""
_CREDIT_S: Final = 60.0
"""Most that a stream may make up for as one that is late: a replay after a loss, or audio after a pause."""
_AHEAD_S: Final = 0.5
_MOST_AHEAD_S: Final = 1.0
"""However far ahead a stream is: after half a second without a chunk it gets its turn as all others do. So it
never gets less than the speed of speech."""


class Pace:
    """One stream's. `clock` gives monotonic seconds."""

    def __init__(self, *, goes_on: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """`goes_on`: another decoder began the stream, and much of it may come again."""
        self._clock = clock
        self.spoken_at = clock() - (_CREDIT_S if goes_on else _PRE_ROLL_S)
        """When what was decoded can have been spoken at the earliest, if all went at the speed of speech."""

    def decoded(self, audio_s: float) -> None:
        """So much more audio is decoded, or about to be."""
        now = self._clock()
        self.spoken_at = min(max(self.spoken_at, now - _CREDIT_S) + audio_s, now + _MOST_AHEAD_S)

    @property
    def is_ahead(self) -> bool:
        """Whether the stream's chunks can wait without anybody hearing it."""
        return self.spoken_at > self._clock() + _AHEAD_S
