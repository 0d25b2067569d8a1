"""Frames on their way out: they travel by the decoder's chunk, where that is known."""

from __future__ import annotations

from amira.frontend.v1 import frontend_pb2
from amira_frontend.formats.base import Float32s


class HeldFrames:
    """Frames that have not been sent, and whether they are worth sending.

    A decoder does nothing with frames before they complete a chunk. So holding them back until then delays no
    word, and each message less saves a write and a read at every hop.
    """

    def __init__(self, chunks: frontend_pb2.Chunks | None, first_frame: int) -> None:
        """`chunks` None: any frame is worth sending. `first_frame`: index of the first one that is added."""
        self._chunks = None if chunks is None or chunks.chunk_frames <= 0 else chunks
        self._parts: list[Float32s] = []
        self._first = self._end = first_frame
        self._begin = 0 if chunks is None else chunks.first_frame
        self._due = self._next_due()

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def due(self) -> bool:
        """Whether frames are held that the decoder can do something with."""
        return bool(self._parts) and self._end >= self._due

    def add(self, frames: Float32s) -> None:
        """Appends frames, float32 [n, 80]."""
        if len(frames):
            self._parts.append(frames)
            self._end += len(frames)

    def take(self, received_samples: int) -> frontend_pb2.ExtractResponse:
        """All that is held, as a message."""
        features = frontend_pb2.Features(
            frames=b"".join(part.data for part in self._parts),
            first_frame=self._first,
            received_samples=received_samples,
        )
        self._parts.clear()
        self._first = self._end
        self._due = self._next_due()
        return frontend_pb2.ExtractResponse(features=features)

    def chunk_begins(self) -> None:
        """The decoder begins a chunk with the next frame. Nothing may be held."""
        self._begin = self._end
        self._due = self._next_due()

    def _next_due(self) -> int:
        """How far frames must reach to complete a chunk that those sent so far do not."""
        if self._chunks is None:
            return self._end
        first_due = self._begin + self._chunks.window_frames
        if self._end < first_due:
            return first_due
        step = self._chunks.chunk_frames
        return first_due + ((self._end - first_due) // step + 1) * step
