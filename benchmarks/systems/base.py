"""What the load test needs of a system: a client to put streams on it and, where it runs here, a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.wire import Line, Tape

SAMPLE_RATE_HZ = 16_000
MESSAGE_MS = 100


class UnavailableError(Exception):
    """The system cannot be measured here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stream's client knew at one moment."""

    at_s: float
    """Arrival, monotonic."""
    text: str
    """All words so far: finals of ended segments, then the open segment's interim."""
    needed_s: float | None
    """Audio that the server had to have for this, from the stream's start; None where it does not say."""
    server_ms: float | None = None
    """The server's own account of how long it took."""
    words: tuple[tuple[str, float], ...] = ()
    """(word, end in s) of the segment that this makes final, where they were asked for."""


class Client(ABC):
    """How to speak with one kind of server. Made in the load process."""

    @abstractmethod
    def messages(self, samples: NDArray[np.int16]) -> list[bytes]:
        """A recording as ready-made messages of MESSAGE_MS each (the last may be shorter)."""

    @abstractmethod
    def line(self) -> Line:
        """A new stream."""

    @abstractmethod
    def readings(self, tape: Tape) -> Iterator[Reading]:
        """What a stream was told, read after the level is over."""


class Server(ABC):
    """A system in the driver: started once, then asked for its processes at every level."""

    name: str
    """Unique in a run: key of the results."""
    title: str
    """For tables and plots."""
    client: str
    """Name of the client in `benchmarks.systems.clients`."""

    @abstractmethod
    async def start(self) -> None:
        """Starts it and returns when it can be used. Raises UnavailableError."""

    @abstractmethod
    async def stop(self) -> None:
        """Stops it. Safe to call twice."""

    async def settle(self) -> None:  # noqa: B027 - most need no time
        """Returns once it can be used again after a level that was too much for it."""

    @abstractmethod
    def client_options(self) -> dict[str, Any]:
        """Arguments of the client, as JSON."""

    def processes(self) -> Mapping[str, Sequence[int]]:
        """Its processes by what they do; empty where it runs elsewhere."""
        return {}

    async def counters(self) -> dict[str, float]:
        """Counts that only ever grow (encoder requests ...), read before and after a level."""
        return {}

    def settings(self) -> dict[str, Any]:
        """How it is set up, for the report."""
        return {}


@dataclass(frozen=True)
class Windows:
    """Which audio a model needs for its results, from the geometry of its encoder."""

    window_frames: int
    chunk_frames: int
    frame_samples: int = field(default=160)
    frame_reach_samples: int = field(default=280)
    """A feature frame's last sample, counted from its first one's hop: half a hop and half a window."""

    def needed_s(self, results: int) -> float:
        """Audio that the `results`-th result (from 1) of a server with one result per chunk rests on."""
        return self.of_frames(self.chunk_frames * (results - 1) + self.window_frames)

    def of_frames(self, frames: int) -> float:
        """Audio that so many feature frames need."""
        samples = (frames - 1) * self.frame_samples + self.frame_reach_samples
        return samples / SAMPLE_RATE_HZ


def pieces(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """A recording cut into messages."""
    step = SAMPLE_RATE_HZ * MESSAGE_MS // 1000
    for at in range(0, len(samples), step):
        yield samples[at : at + step]
