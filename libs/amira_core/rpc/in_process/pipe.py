"""One direction of a call."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import grpc

CAPACITY_BYTES = 64 * 1024
"""What is sent and not yet read, as over the wire (rpc/options.py): 2 s of audio or of features."""

_LEAST_BYTES = 64
"""What the smallest message counts for: empty ones must not be without bound."""


class Pipe:
    """First in, first out, for one writing and one reading task.

    Neither waits as long as it has something to do: then nothing is scheduled, and no task is switched.
    """

    __slots__ = ("_closed", "_held_bytes", "_items", "_reader", "_writer")

    def __init__(self) -> None:
        self._items: deque[tuple[Any, int]] = deque()
        self._held_bytes = 0
        self._closed = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    async def put(self, message: Any) -> bool:
        """Waits while the pipe is full, then sends. False: it is closed."""
        while self._held_bytes >= CAPACITY_BYTES and not self._closed:
            if self._writer is not None:
                raise grpc.aio.UsageError("two tasks write to one call")
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None
        if self._closed:
            return False
        self.push(message)
        return True

    def push(self, message: Any) -> None:
        """Sends without waiting for room."""
        size = max(_LEAST_BYTES, message.ByteSize())
        self._items.append((message, size))
        self._held_bytes += size
        _wake(self._reader)

    async def get(self) -> Any | None:
        """The next message; None once the pipe is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            if self._reader is not None:
                raise grpc.aio.UsageError("two tasks read from one call")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        message, size = self._items.popleft()
        self._held_bytes -= size
        if self._held_bytes < CAPACITY_BYTES:
            _wake(self._writer)
        return message

    def close(self) -> None:
        """Nothing more is sent; what has been sent can still be read."""
        self._closed = True
        _wake(self._reader)
        _wake(self._writer)

    def drop(self) -> None:
        """As :meth:`close`, and what has not been read is lost."""
        self._items.clear()
        self._held_bytes = 0
        self.close()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
