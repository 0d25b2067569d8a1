"""How long streams stood still behind a fault."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chaos.load import Recording

NOTICED_S = 0.3
"""A stream counts as hit when a result is this much later than undisturbed: less is the machine's doing."""

_BEHIND_FAULT_S = 2.0
"""Results due up to this long behind the end of a fault count: some are already under way when it comes."""

_Progress = tuple[float, int]
"""(time in s, audio decoded in ns)."""


@dataclass(frozen=True)
class Recovery:
    """One stream that was hit by one fault."""

    stream: str
    seconds: float
    """See :func:`held_up_s`."""
    moved: bool
    """Whether a gateway took it to another replica."""


def recoveries(
    at_s: float,
    lasts_s: float,
    wanted: Sequence[Recording],
    got: Sequence[Recording],
    moved: Collection[str] = (),
) -> list[Recovery]:
    """The streams that a fault hit: those that were held up, and those that moved.

    Args:
        at_s: when the fault came, from the beginning of the streams.
        lasts_s: how long it lasted.
        wanted: the streams undisturbed.
        got: the same ones disturbed.
        moved: names of those that moved to another replica behind the fault.
    """
    found = []
    for undisturbed, disturbed in zip(wanted, got, strict=True):
        seconds = held_up_s(at_s, lasts_s, _progress(undisturbed), _progress(disturbed))
        has_moved = disturbed.name in moved
        if seconds is not None and (seconds >= NOTICED_S or has_moved):
            found.append(Recovery(disturbed.name, max(0.0, seconds), has_moved))
    return found


def held_up_s(
    at_s: float, lasts_s: float, wanted: Sequence[_Progress], got: Sequence[_Progress]
) -> float | None:
    """From the fault to the result that moved on, less what that would have taken undisturbed.

    The longest of the results that were due during the fault or soon behind it. None: none came.
    """
    decoded = [decoded_ns for _, decoded_ns in got]
    late = []
    for due_s, decoded_ns in wanted:
        if at_s < due_s <= at_s + lasts_s + _BEHIND_FAULT_S:
            place = bisect_left(decoded, decoded_ns)
            if place < len(got):
                late.append(got[place][0] - due_s)
    return max(late, default=None)


def percentile(values: Sequence[float], q: float) -> float:
    """The smallest value that at least `q` per cent of the values do not exceed."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(len(values) * q / 100) - 1)]


def _progress(recording: Recording) -> list[_Progress]:
    """The results that went further than any before."""
    found: list[_Progress] = []
    for at_s, result in recording.results:
        decoded_ns = result.audio_processed.ToNanoseconds()
        if not found or decoded_ns > found[-1][1]:
            found.append((at_s, decoded_ns))
    return found
