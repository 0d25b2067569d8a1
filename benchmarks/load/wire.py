"""What all clients of the load test share: ready-made bytes out, bytes with their time in.

A client runs on the cores that it loads, so it does as little as it can: messages are framed before
the level begins, and what comes back is kept as it is and read when the level is over.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

Outcome = Literal["open", "complete", "refused", "failed", "unfinished"]


@dataclass
class Tape:
    """All that one stream was told, in order."""

    arrivals: list[tuple[float, bytes]] = field(default_factory=list)
    """(monotonic time in s, message) of each message."""
    ended_at: float | None = None
    """Monotonic time at which the server said that it is done."""
    outcome: Outcome = "open"
    reason: str = ""
    """Why it was refused or failed."""

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Takes note of the end; the first one counts."""
        if self.outcome == "open":
            self.ended_at, self.outcome, self.reason = time.monotonic(), outcome, reason


class Line(Protocol):
    """One stream to a server. Nothing here waits for the server; what cannot be sent yet is kept."""

    tape: Tape

    def open(self) -> None:
        """Begins to connect."""

    def send(self, message: bytes) -> None:
        """Sends one message that :meth:`System.messages` made."""

    def finish(self) -> None:
        """Says that no audio follows."""

    def close(self) -> None:
        """Drops the connection."""


class Wire(asyncio.Protocol, ABC):
    """A TCP connection with framing by a subclass."""

    def __init__(self, host: str, port: int) -> None:
        self.tape = Tape()
        self._address = host, port
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._connecting: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, *self._address)
        except OSError as error:
            self.tape.end("failed", f"no connection: {error.strerror or error}")

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.tape.end("failed", f"connection lost: {exc}" if exc else "connection closed by the server")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self.read(time.monotonic())

    def write(self, data: bytes) -> None:
        """Puts bytes on the socket, if there is one."""
        if self._transport is not None:
            self._transport.write(data)

    @abstractmethod
    def begin(self) -> None:
        """Called once connected."""

    @abstractmethod
    def read(self, now: float) -> None:
        """Called when `_buffer` has grown; takes whole messages off it."""


LineFactory = Callable[[], Line]
