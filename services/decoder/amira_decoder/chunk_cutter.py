"""Which frames make a stream's next chunk, and where its controls fall.

Decided from the order of frames and controls alone, never from when they came: pacing and message sizes
cannot change a transcript.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amira_decoder.controls import Control, End, Flush, Update
from amira_decoder.encoder.base import EncoderGeometry
from amira_decoder.frame_buffer import FrameBuffer
from amira_decoder.resume import ChunkStarts, WarmUp


@dataclass(slots=True)
class _Pending:
    control: Control
    position_frames: int


class ChunkCutter:
    """Frames and controls of one stream, in order."""

    def __init__(
        self, geometry: EncoderGeometry, *, tail_frames: int, warm_up_frames: int, first_frame: int
    ) -> None:
        """Args:
        geometry: of the encoder that the chunks are for.
        tail_frames: silence behind the last frame before a flush or the end, besides the encoder's delay.
        warm_up_frames: audio before a point of return that another decoder runs through its encoder.
        first_frame: index of the first frame that comes.
        """
        self._geometry = geometry
        self._tail_frames = tail_frames + geometry.delay_frames
        self._buffer = FrameBuffer(geometry.feature_dim)
        self._controls: deque[_Pending] = deque()
        self._barriers: deque[_Pending] = deque()  # the flushes and the end among them
        self._consumed_frames = self._received_frames = self._flushed_at_frame = first_frame
        self._padding_frames = 0
        self._outputs_to_skip = geometry.output_delay_frames
        self._chunk_starts = ChunkStarts(geometry, warm_up_frames)

    # -- what comes in -------------------------------------------------------------------------

    def add_frames(self, frames: NDArray[np.float32]) -> None:
        """Takes frames [n, feature_dim]."""
        self._buffer.append(frames)
        self._received_frames += len(frames)

    def add_control(self, control: Control) -> None:
        """Puts a control behind the frames added so far."""
        pending = _Pending(control, self._received_frames)
        self._controls.append(pending)
        if isinstance(control, Flush | End):
            self._barriers.append(pending)

    # -- how things are ------------------------------------------------------------------------

    @property
    def held_frames(self) -> int:
        """Frames that are held for this chunk and later ones."""
        return len(self._buffer)

    @property
    def is_finishing(self) -> bool:
        """Whether a flush or the end has come that is not carried out."""
        return bool(self._barriers)

    @property
    def chunk_is_due(self) -> bool:
        """Whether there is a chunk to decode: a whole window, or padding before a flush or the end."""
        if not self._barriers:
            return len(self._buffer) >= self._geometry.window_frames
        return not self._is_flushed(self._barriers[0].position_frames)

    @property
    def control_is_due(self) -> bool:
        """Whether the first control's place in the audio is reached."""
        if not self._controls:
            return False
        pending = self._controls[0]
        if isinstance(pending.control, Flush | End):
            return self._is_flushed(pending.position_frames)
        return self.decoded_frames >= pending.position_frames

    @property
    def decoded_frames(self) -> int:
        """Frames of real audio whose encoder frames have come out, or come out with the chunk just taken."""
        fed_frames = self._consumed_frames - self._flushed_at_frame
        out_frames = max(0, fed_frames + self._padding_frames - self._geometry.delay_frames)
        return self._flushed_at_frame + min(fed_frames, out_frames)

    def controls_of(self, kind: type[Control]) -> int:
        """Controls held that count against the same limit: updates among themselves, and all others."""
        if kind is not Update:
            return len(self._controls)
        return sum(isinstance(pending.control, Update) for pending in self._controls)

    def warm_up(self) -> WarmUp:
        """How another decoder would get to a segment that opens here."""
        return self._chunk_starts.warm_up()

    # -- what goes out -------------------------------------------------------------------------

    def take_chunk(self) -> NDArray[np.float32]:
        """The next chunk's window, float32 [window_frames, feature_dim]. Call only when it is due."""
        geometry = self._geometry
        usable = len(self._buffer)
        if self._barriers:
            usable = min(usable, self._barriers[0].position_frames - self._consumed_frames)
        window = np.empty((geometry.window_frames, geometry.feature_dim), np.float32)
        self._buffer.copy_window(window, min(usable, geometry.window_frames))
        consumed = min(usable, geometry.chunk_frames)
        # A chunk of padding alone begins where the next one with audio will.
        self._chunk_starts.add(self._consumed_frames, named_by_frame=consumed > 0)
        self._buffer.drop(consumed)
        self._consumed_frames += consumed
        self._padding_frames += geometry.chunk_frames - consumed
        return window

    def skip_outputs(self) -> int:
        """How many of the chunk's first encoder frames stand for time before the audio. Once per chunk."""
        skipped = min(self._outputs_to_skip, self._geometry.output_frames)
        self._outputs_to_skip -= skipped
        return skipped

    def take_controls(self) -> list[Control]:
        """The controls whose places are reached, in order."""
        taken: list[Control] = []
        while self.control_is_due:
            taken.append(self._pop_control())
        return taken

    def _is_flushed(self, position_frames: int) -> bool:
        if position_frames == self._flushed_at_frame:
            return True
        return self._consumed_frames == position_frames and self._padding_frames >= self._tail_frames

    def _pop_control(self) -> Control:
        pending = self._controls.popleft()
        if isinstance(pending.control, Flush | End):
            self._barriers.popleft()
            self._flushed_at_frame = pending.position_frames
            self._padding_frames = 0
            # What is still to come out of the encoder stands for the end of the padding.
            self._outputs_to_skip = self._geometry.output_delay_frames
        return pending.control
