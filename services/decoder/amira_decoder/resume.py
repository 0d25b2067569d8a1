"""Where another decoder can go on with a stream, and how one begins there.

A stream's chunks follow from its frames and controls alone, so a second decoder that is sent them from
the first frame of some chunk on forms the very same chunks. It runs the ones before the point of return
(the warm-up) through the encoder only, which brings the encoder's state to what it was; then it opens
the segment that was open there.

    chunks   ... | c | c | c | c | p | c | c | ...       c: audio, p: padding of a FLUSH
                     ▲ first_frame       ▲ the segment that opens
                     └── warm-up: 4 ─────┘
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from amira.decoder.v1 import decoder_pb2
from amira_core.errors import InvalidSettingError
from amira_decoder.encoder.base import EncoderGeometry

_MOST_FRAMES = 2**40
_MOST_COUNT = 2**30


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The chunks before a boundary that another decoder runs without searching them."""

    first_frame: int = 0
    """Frame at which the first of them begins."""
    chunks: int = 0
    """How many lie between there and the boundary, those of padding included."""


NO_WARM_UP: Final = WarmUp()


@dataclass(frozen=True, slots=True)
class ResumeFrom:
    """A :class:`~amira.decoder.v1.decoder_pb2.ResumePoint` that was checked."""

    warm_up: WarmUp = NO_WARM_UP
    segment_id: int = 0
    segment_start_frame: int = 0

    @classmethod
    def parse(cls, point: decoder_pb2.ResumePoint) -> ResumeFrom:
        """Raises InvalidSettingError for numbers that no decoder has sent."""
        _check("first_frame", point.first_frame, _MOST_FRAMES)
        _check("warm_up_chunks", point.warm_up_chunks, _MOST_COUNT)
        _check("segment_id", point.segment_id, _MOST_COUNT)
        _check("segment_start_frame", point.segment_start_frame, _MOST_FRAMES)
        if point.segment_start_frame < point.first_frame:
            raise InvalidSettingError(
                f"resume.segment_start_frame {point.segment_start_frame} lies before "
                f"resume.first_frame {point.first_frame}."
            )
        if not point.warm_up_chunks and point.segment_start_frame != point.first_frame:
            raise InvalidSettingError("resume.warm_up_chunks is missing: the segment begins later.")
        warm_up = WarmUp(point.first_frame, point.warm_up_chunks)
        return cls(warm_up, point.segment_id, point.segment_start_frame)


FROM_THE_START: Final = ResumeFrom()


class ChunkStarts:
    """Where the latest chunks of a stream began: as many as a warm-up can need."""

    def __init__(self, geometry: EncoderGeometry, warm_up_frames: int) -> None:
        # A control that takes effect behind the boundary must not lie before the first frame, or it would
        # not be sent again: what was decoded before the last chunk must have caught up with that frame.
        caught_up = math.ceil(geometry.delay_frames / geometry.chunk_frames) + 1
        self._wanted = max(math.ceil(warm_up_frames / geometry.chunk_frames), caught_up)
        self._starts: deque[tuple[int, int]] = deque()  # first frame, chunks before it
        self._taken = 0

    def add(self, first_frame: int, *, named_by_frame: bool) -> None:
        """Notes that a chunk was taken. `named_by_frame`: no other chunk begins at its first frame."""
        if named_by_frame:
            self._starts.append((first_frame, self._taken))
        self._taken += 1
        while len(self._starts) > 1 and self._taken - self._starts[1][1] >= self._wanted:
            self._starts.popleft()

    def warm_up(self) -> WarmUp:
        """The shortest one that is long enough for a boundary right here; if none is, the longest known."""
        if not self._starts:
            return NO_WARM_UP
        first_frame, chunks_before = self._starts[0]
        return WarmUp(first_frame, self._taken - chunks_before)


def _check(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise InvalidSettingError(f"resume.{name} must be from 0 to {most}, got {value}.")
