"""Slots: a stream's place in the encoder's state table, lent for the stream's life."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

from amira_core.errors import NoCapacityError


@dataclass(frozen=True)
class Slot:
    """A place in the encoder's state table, and the proof of who holds it."""

    index: int
    """Row of the table."""

    generation: int
    """Unique among all slots lent by this and any earlier decoder process on this machine."""


class SlotPool:
    """Lends the encoder's slots. Not thread-safe: belongs to one event loop.

    Generations only ever increase, and start at the time in nanoseconds, so that a restarted
    decoder never uses one that the encoder may still know.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a slot pool needs at least one slot, not {size}")
        # Lowest first and latest returned first: recently used rows are still in the CPU's cache.
        self._free = list(range(size - 1, -1, -1))
        self._holders: dict[int, int] = {}
        self._generations = itertools.count(time.time_ns())

    def share(self) -> SlotPool:
        """A second pool that lends the same slots: each slot is lent by one of them at a time."""
        other = SlotPool(1)
        other._free, other._generations = self._free, self._generations
        return other

    @property
    def total(self) -> int:
        """Slots that are lent by this pool or free."""
        return len(self._free) + len(self._holders)

    @property
    def used(self) -> int:
        """Slots lent now."""
        return len(self._holders)

    def lent(self) -> list[Slot]:
        """The slots that are lent now."""
        return [Slot(index, generation) for index, generation in self._holders.items()]

    def check_free(self) -> None:
        """Raises NoCapacityError when all are lent."""
        if not self._free:
            raise NoCapacityError(f"All {self.total} streams of this decoder are in use; try again later.")

    def allocate(self) -> Slot:
        """Lends a slot under a new generation. Raises NoCapacityError when all are lent."""
        self.check_free()
        slot = Slot(self._free.pop(), next(self._generations))
        self._holders[slot.index] = slot.generation
        return slot

    def release(self, slot: Slot) -> None:
        """Takes a slot back. Harmless when it was released before, also if it is lent anew since."""
        if self._holders.get(slot.index) == slot.generation:
            del self._holders[slot.index]
            self._free.append(slot.index)
