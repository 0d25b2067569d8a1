"""Whom the decoder takes in, by what it can keep up with. Streams that run are never touched."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

from amira_core.errors import NoCapacityError
from amira_decoder.load.meter import LoadMeter

_REOPENS_AT: Final = 0.92
"""Once it has refused, the decoder takes streams again below this share of its target: the estimate wavers by
a few per cent, and a door that opens and shuts with it would be of no use to anybody."""
_SETTLE_S: Final = 2.0
"""So long after a stream has begun it has shown what it costs."""
_RETRY_MS: Final = (1000, 2000)
"""Between these: clients that were refused together should not come back together."""


class LoadAdmission:
    """Refuses streams that the decoder has no headroom for.

    Attributes:
        refusals: how many so far, by cause: ``load`` and ``untried``.
        elsewhere: gives the load of what else the decoder runs, as the model before this one.
    """

    def __init__(self, meter: LoadMeter, target_load: float, untried_streams: int) -> None:
        """`target_load`: share of the time that streams may need; 0: nobody is refused."""
        self._meter = meter
        self._target = target_load
        self._untried = untried_streams
        self._refusing = False
        self._new: dict[str, float] = {}  # when they began, oldest first
        self.refusals: Counter[str] = Counter()
        self.elsewhere: Callable[[], float] = lambda: 0.0

    def check(self, streams: int) -> None:
        """Says whether one more stream than the `streams` that are open may begin.

        A decoder without any takes one, however slow it seemed: nothing else can show that it is not.

        Raises:
            NoCapacityError: it may not.
        """
        elsewhere = self.elsewhere()
        if not self._target or not (streams or elsewhere):
            self._refusing = False
            return
        load = self._meter.load(streams + 1) + elsewhere
        self._refusing = load > self._target * (_REOPENS_AT if self._refusing else 1.0)
        if self._refusing:
            self._refuse(
                "load",
                f"This decoder can keep up with no more than the {streams} streams that it has: "
                "try again later, or at another server.",
            )
        self._forget_settled()
        if len(self._new) + 1 > self._untried + self._meter.carried:
            self._refuse(
                "untried",
                f"This decoder has just taken in {len(self._new)} streams and has yet to see whether it can "
                "keep up with them: try again shortly.",
            )

    def opened(self, stream_id: str) -> None:
        """A stream has begun, or goes on here."""
        self._forget_settled()
        self._new[stream_id] = self._meter.clock()

    def closed(self, stream_id: str) -> None:
        """A stream has ended. Harmless when told twice."""
        self._new.pop(stream_id, None)

    def _forget_settled(self) -> None:
        settled_before = self._meter.clock() - _SETTLE_S
        while self._new and next(iter(self._new.values())) < settled_before:
            del self._new[next(iter(self._new))]

    def _refuse(self, cause: str, message: str) -> None:
        self.refusals[cause] += 1
        raise NoCapacityError(message, retry_after_ms=random.randint(*_RETRY_MS))  # noqa: S311 - jitter, no secret
