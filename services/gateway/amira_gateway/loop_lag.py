"""How late the event loop is: the gateway's own measure of whether it keeps up with its streams.

Every stream's messages pass through one event loop. While it keeps up, a timer fires within a millisecond
or two; once there is more to do than time, everything waits in one queue and timers fire later and later.
A client that sends as fast as it can keeps the loop busy but its queue short, so it does not show here.
Nor does one pause of the machine, however long: it says nothing of whether the gateway keeps up.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from amira_core import errors

_INTERVAL_S: Final = 0.05
_AVERAGED_S: Final = 1.0
_REOPENS_AT: Final = 0.5
_MOST_BY_ONE: Final = 0.9
"""Share of the bound that one late timer can add: it takes two in a row to shut the door."""
_RETRY_MS: Final = 1000


class LoopLag:
    """Attributes:
    seconds: how late timers were of late, on average.
    """

    def __init__(self, most_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`most_s`: above this the gateway has no headroom; 0: it always has."""
        self.seconds = 0.0
        self._most_s = most_s
        self._clock = clock
        self._refusing = False

    async def run(self) -> None:
        """Measures until cancelled."""
        while True:
            began_at = self._clock()
            await asyncio.sleep(_INTERVAL_S)
            self.note(self._clock() - began_at - _INTERVAL_S)

    def note(self, late_s: float) -> None:
        """A timer fired so late."""
        weight = 1 - math.exp(-(_INTERVAL_S + late_s) / _AVERAGED_S)
        step_s = weight * (late_s - self.seconds)
        self.seconds += min(step_s, _MOST_BY_ONE * self._most_s) if self._most_s else step_s

    def check(self, streams: int) -> None:
        """Raises NoCapacityError while there is no headroom for another than the `streams` that are open.

        A gateway without any takes one: there is none whose latency a refusal would keep.
        """
        bound_s = self._most_s * (_REOPENS_AT if self._refusing else 1.0)
        self._refusing = bool(self._most_s and streams) and self.seconds > bound_s
        if self._refusing:
            raise errors.NoCapacityError(
                "This server can keep up with no more than the streams that it has: try again later, or at "
                "another one.",
                retry_after_ms=_RETRY_MS,
            )
