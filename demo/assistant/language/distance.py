"""How far sounds are from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo.assistant.language.sounds import MISSING, SUBSTITUTION, Sounds


def distance(heard: Sounds, said: Sounds) -> float:
    """What it costs to hear `heard` where `said` was said; 0 for the same, symmetric."""
    first = np.concatenate([[0.0], np.cumsum(MISSING[said])])
    return float(_rows(heard, said, first)[-1, -1])


def costs_within(heard: Sounds, said: Sounds) -> NDArray[np.float64]:
    """For each beginning of `heard`, the least cost against any part of `said`: float64 [len(heard) + 1]."""
    costs: NDArray[np.float64] = _rows(heard, said, np.zeros(len(said) + 1)).min(axis=1)
    return costs


def _rows(heard: Sounds, said: Sounds, first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edit distances, [heard + 1, said + 1]; `first`: those of no sound at all."""
    missed = np.concatenate([[0.0], np.cumsum(MISSING[said])])
    rows = np.empty((len(heard) + 1, len(said) + 1))
    rows[0] = first
    for at, sound in enumerate(heard, 1):
        row = rows[at - 1] + MISSING[sound]
        np.minimum(row[1:], rows[at - 1, :-1] + SUBSTITUTION[sound, said], out=row[1:])
        rows[at] = missed + np.minimum.accumulate(row - missed)  # sounds of `said` that were not heard
    return rows
