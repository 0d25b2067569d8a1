"""A queue bounded by the weight of what is in it (seconds of audio), not by the number of items."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class QueueClosedError(Exception):
    """Nothing more will come out of, or may be put into, this queue."""


class WeightedQueue(Generic[T]):
    """First in, first out, for one reader and one writer on one event loop.

    An item that is heavier than the whole capacity is let in when the queue is empty, so that a
    large message is slow rather than stuck.
    """

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self._items: deque[tuple[T, float]] = deque()
        self._weight = 0.0
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def weight(self) -> float:
        """Weight of what waits in the queue."""
        return self._weight

    async def put(self, item: T, weight: float) -> None:
        """Waits for room, then appends. Raises QueueClosedError if closed before that."""
        while not self._closed and self._items and self._weight + weight > self._capacity:
            await self._wait()
        if self._closed:
            raise QueueClosedError
        self._items.append((item, weight))
        self._weight += weight
        self._changed.set()

    async def get(self) -> T:
        """Takes the oldest item. Raises QueueClosedError once closed and empty."""
        while not self._items:
            if self._closed:
                raise QueueClosedError
            await self._wait()
        item, weight = self._items.popleft()
        # Sums of floats drift: an empty queue weighs nothing, however long it has been in use.
        self._weight = self._weight - weight if self._items else 0.0
        self._changed.set()
        return item

    def peek(self) -> T | None:
        """The oldest item, left in its place; None when nothing waits."""
        return self._items[0][0] if self._items else None

    def close(self) -> None:
        """No more items come; what is in the queue can still be taken."""
        self._closed = True
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
