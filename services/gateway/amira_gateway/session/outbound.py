"""What waits to be sent to the client, bounded; a slow client misses interims and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from amira.asr.v1 import speech_pb2
from amira_gateway import metrics


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A response on its way.

    Attributes:
        response: without its lag, which is filled in when it leaves.
        completed_at: monotonic time at which the audio that it needed was complete; None if unknown.
    """

    response: speech_pb2.StreamingRecognizeResponse
    completed_at: float | None = None

    @property
    def interim_of(self) -> int | None:
        """The segment that this is an interim of; None for everything else."""
        if self.response.WhichOneof("response") != "result" or self.response.result.is_final:
            return None
        return self.response.result.segment_id


class Outbound:
    """First in, first out, for one putting and one getting task.

    An interim that waits is dropped when a newer one of its segment comes; finals, events, marks and
    the session are never dropped: when `capacity` of those wait, :meth:`put` does.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[Outgoing] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._error: Exception | None = None
        self.full_since: float | None = None
        """Monotonic time since when :meth:`put` waits for the client."""
        self.moved_at = time.monotonic()
        """Monotonic time at which an item was last taken."""

    async def put(self, item: Outgoing) -> None:
        """Appends; waits while full. Does nothing once closed."""
        segment = item.interim_of
        if segment is not None:
            self._drop_interim(segment)
        while len(self._items) >= self._capacity and not self._closed:
            if self.full_since is None:
                self.full_since = time.monotonic()
                metrics.CLIENT_STALLS.inc()
            await self._wait()
        self.full_since = None
        if not self._closed:
            self._items.append(item)
            self._changed.set()

    def push(self, item: Outgoing) -> None:
        """Appends without waiting, for what comes once per stream. Does nothing once closed."""
        if not self._closed:
            self._items.append(item)
            self._changed.set()

    def close(self, error: Exception | None = None) -> None:
        """No more items come. What waits is still sent, then `error` is raised. The first close counts."""
        if not self._closed:
            self._closed = True
            self._error = error
            self._changed.set()

    async def get(self) -> Outgoing | None:
        """The oldest item; None once closed and empty. Raises what :meth:`close` was given."""
        while not self._items:
            if self._closed:
                if self._error is not None:
                    raise self._error
                return None
            await self._wait()
        self.moved_at = time.monotonic()
        self._changed.set()
        return self._items.popleft()

    def _drop_interim(self, segment: int) -> None:
        for index, waiting in enumerate(self._items):
            if waiting.interim_of == segment:
                del self._items[index]
                metrics.INTERIMS_DROPPED.inc()
                return

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
