"""A bounded queue between the thread of a sound card, which must never wait, and a thread or a task."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of sound.

    Attributes:
        content: LINEAR16.
        lost_bytes: how much was thrown away just before it, as there was no room.
        source_lost: the source itself lost sound just before it, it does not say how much.
        heard_at: when its last sample came, on the monotonic clock, in seconds.
    """

    content: bytes
    lost_bytes: int
    source_lost: bool
    heard_at: float


class PieceQueue:
    """What finds no room is lost, and the next piece says so: what was queued before stays whole."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._pieces: deque[Piece] = deque()
        self._queued_bytes = 0
        self._lost_bytes = 0
        self._source_lost = False
        self._ended = False
        self._failure: Exception | None = None
        self._wakers: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def queued_bytes(self) -> int:
        """What waits to be taken."""
        return self._queued_bytes

    def put(self, content: bytes, source_lost: bool = False) -> None:
        """From the sound card's thread."""
        with self._lock:
            if self._ended:
                return
            self._source_lost |= source_lost
            if self._queued_bytes + len(content) > self._most_bytes:
                self._lost_bytes += len(content)
                return
            self._pieces.append(Piece(content, self._lost_bytes, self._source_lost, time.monotonic()))
            self._queued_bytes += len(content)
            self._lost_bytes, self._source_lost = 0, False
        self._wake()

    def end(self, failure: Exception | None = None, *, discard: bool = False) -> None:
        """Nothing more comes; what is queued can still be taken, unless it is to be thrown away."""
        with self._lock:
            if discard:
                self._pieces.clear()
                self._queued_bytes = 0
            if not self._ended:
                self._ended, self._failure = True, failure
                if self._lost_bytes and not discard:
                    self._pieces.append(Piece(b"", self._lost_bytes, self._source_lost, time.monotonic()))
        self._wake()

    def get(self, timeout_s: float) -> Piece | None:
        """The next piece; None at the end.

        Raises:
            TimeoutError: none came in time.
            Exception: what the source ended with, once all before it is taken.
        """
        while True:
            ready = threading.Event()
            taken = self._take(ready.set)
            if not isinstance(taken, _Nothing):
                return taken
            if not ready.wait(timeout_s):
                raise TimeoutError

    async def get_async(self, timeout_s: float) -> Piece | None:
        """As :meth:`get`, for a task."""
        loop = asyncio.get_running_loop()
        while True:
            ready = asyncio.Event()
            taken = self._take(_from_elsewhere(loop, ready))
            if not isinstance(taken, _Nothing):
                return taken
            async with asyncio.timeout(timeout_s):
                await ready.wait()

    def _take(self, waker: Callable[[], object]) -> Piece | _Nothing | None:
        """Where there is nothing yet, `waker` is called once there is."""
        with self._lock:
            if self._pieces:
                piece = self._pieces.popleft()
                self._queued_bytes -= len(piece.content)
                return piece
            if not self._ended:
                self._wakers.append(waker)
                return _Nothing()
            if self._failure is not None:
                raise self._failure
            return None

    def _wake(self) -> None:
        with self._lock:
            wakers, self._wakers = self._wakers, []
        for waker in wakers:
            waker()


class _Nothing:
    """Not yet."""


def _from_elsewhere(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(ready.set)

    return wake
