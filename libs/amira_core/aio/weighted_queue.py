"""A queue bounded by the weight of what is in it (seconds of audio), not by the number of items."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class WeightedQueue(Generic[T]):
    """First in, first out, for one reader and one writer on one event loop.

    An item that is heavier than the whole capacity is let in when the queue is empty, so that a
    large message is slow rather than stuck.
    """

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self._items: deque[tuple[T, float]] = deque()
        self._weight = 0.0
        self._changed = asyncio.Event()

    @property
    def weight(self) -> float:
        """Weight of what waits in the queue."""
        return self._weight

    async def put(self, item: T, weight: float) -> None:
        """Waits for room, then appends."""
        while self._items and self._weight + weight > self._capacity:
            await self._wait()
        self._items.append((item, weight))
        self._weight += weight
        self._changed.set()

    async def get(self) -> T:
        """Waits for an item, then takes the oldest."""
        while not self._items:
            await self._wait()
        item, weight = self._items.popleft()
        # Sums of floats drift: an empty queue weighs nothing, however long it has been in use.
        self._weight = self._weight - weight if self._items else 0.0
        self._changed.set()
        return item

    def peek(self) -> T | None:
        """The oldest item, left in its place; None when nothing waits."""
        return self._items[0][0] if self._items else None

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
