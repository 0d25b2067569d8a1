"""What each batch holds, decided by seed, epoch and number alone: a resumed run goes on with the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from amira_training.errors import DataError

NOISE = -1
"""In place of a recording: noise without words."""

Item: TypeAlias = tuple[int, int]
"""Number of the packed set, number of the recording in it (or NOISE)."""

Epoch: TypeAlias = Callable[[np.random.Generator], list[list[Item]]]
"""Deals an epoch into batches."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch to be made.

    Attributes:
        seed: of the run.
        epoch: from 0.
        number: of the batch within its epoch.
        items: what it holds.
    """

    seed: int
    epoch: int
    number: int
    items: list[Item]

    def rng(self, purpose: int = 0) -> np.random.Generator:
        """For everything that is drawn for this batch; another one for each purpose."""
        return np.random.default_rng([self.seed, self.epoch, self.number, purpose])


def endless(deal: Epoch, seed: int, epoch: int = 0, number: int = 0) -> Iterator[Plan]:
    """Plans from a place on: epoch after epoch.

    Raises:
        DataError: from the iterator: an epoch is empty.
    """
    while True:
        batches = deal(np.random.default_rng([seed, epoch]))
        if not batches:
            raise DataError(
                "no recording is fit to train on: all are too long or too short, or have no words"
            )
        for index in range(number, len(batches)):
            yield Plan(seed, epoch, index, batches[index])
        epoch, number = epoch + 1, 0
