"""Who speaks when: a level's streams, fixed before the first byte is sent.

A level of N keeps N lanes busy. A lane plays one recording after the other, each as a stream of its
own; when a stream begins depends on the schedule alone, not on how the server did with the one before.
Every system gets the same schedule.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

GAP_S = 0.3
"""Silence between the end of a recording and the beginning of the lane's next."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One stream."""

    begin_s: float
    """When its first sample is spoken, from the beginning of the level."""
    recording: int
    """Index of the recording."""
    lane: int
    """Which of the level's lanes it belongs to."""


def schedule(lengths_s: Sequence[float], lanes: int, ramp_s: float, until_s: float, seed: int) -> list[Turn]:
    """Streams in the order in which they begin.

    Args:
        lengths_s: length of each recording.
        lanes: streams at once.
        ramp_s: lanes begin at random moments within this time.
        until_s: no stream begins after this; those that are running then are cut there.
        seed: the same one gives the same schedule.

    Raises:
        ValueError: no recordings.
    """
    if not lengths_s:
        raise ValueError("there are no recordings to play")
    chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
    order = list(range(len(lengths_s)))
    chance.shuffle(order)
    turns = []
    for lane in range(lanes):
        begin_s, number = chance.uniform(0, ramp_s), lane
        while begin_s < until_s:
            recording = order[number % len(order)]
            turns.append(Turn(begin_s, recording, lane))
            begin_s += lengths_s[recording] + GAP_S
            number += lanes
    return sorted(turns, key=lambda turn: turn.begin_s)


def once_each(lengths_s: Sequence[float], lanes: int) -> list[Turn]:
    """Every recording once, `lanes` at a time, the longest first: what a server hears when not loaded."""
    free_at = [0.13 * lane for lane in range(lanes)]
    turns = []
    for recording in sorted(range(len(lengths_s)), key=lambda index: -lengths_s[index]):
        lane = min(range(lanes), key=free_at.__getitem__)
        turns.append(Turn(free_at[lane], recording, lane))
        free_at[lane] += lengths_s[recording] + GAP_S
    return sorted(turns, key=lambda turn: turn.begin_s)
