"""One stream inside the decoder: frames and controls in, chunks for the scheduler out.

Everything here runs on the event loop. What the words of a chunk are is decided elsewhere
(segment_tracker.py, on the search thread); this module decides which frames make the next chunk,
and it does so from the order of frames and controls alone, never from when they came: pacing and
message sizes cannot change a transcript.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder import metrics
from amira_decoder.controls import Control, End, Flush, Update
from amira_decoder.encoder.base import EncoderGeometry
from amira_decoder.frame_buffer import FRAME_MS, FrameBuffer
from amira_decoder.load.pace import Pace
from amira_decoder.resume import FROM_THE_START, NO_WARM_UP, ChunkStarts, ResumeFrom, WarmUp
from amira_decoder.segment_tracker import SegmentTracker
from amira_decoder.slots import Slot
from amira_decoder.traces import SegmentTraces, segment_traces


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a stream: a chunk for encoder and search, or controls alone."""

    stream: DecodingStream
    window: NDArray[np.float32] | None
    """Frames for the encoder, float32 [window_frames, feature_dim]; None when there is no chunk to decode."""
    reset: bool
    """First chunk of the stream: the slot's state starts from zero."""
    skipped_outputs: int
    """The chunk's first encoder frames that stand for time before the audio: they are not searched."""
    end_frame: int
    """Frames of real audio that are decoded once this job is done."""
    completed: Sequence[Control]
    """Controls that take effect after the chunk, in order."""
    warms_up: bool = False
    """The chunk only brings the encoder's state to where another decoder had it: it is not searched."""
    resume_warm_up: WarmUp = NO_WARM_UP
    """How another decoder would get to a segment that opens here."""
    due_at: float = 0.0
    """Monotonic time since when there was something to do."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds per stream."""

    tail_frames: int
    """Silence decoded after the last frame before a flush or the end (besides the encoder's delay)."""
    max_buffered_frames: int
    """Frames held before the sender is slowed down."""
    max_pending_responses: int
    """Responses waiting for a slow reader before decoding pauses."""
    max_pending_controls: int = 1000
    """Controls held before their sender is slowed down or, where only it can move things on, refused."""
    max_pending_updates: int = 16
    """The same for updates, whose compiled hotwords take megabytes each."""
    warm_up_frames: int = 1600
    """Audio before a point of return that another decoder runs through its encoder."""


@dataclass(slots=True)
class _Pending:
    control: Control
    position_frames: int


@dataclass
class DecodingStream:
    """A stream's place in the decoder. One reader adds, one writer takes :meth:`responses`."""

    stream_id: str
    slot: Slot
    geometry: EncoderGeometry
    tracker: SegmentTracker
    limits: StreamLimits
    wake_scheduler: Callable[[], None]
    resume: ResumeFrom = FROM_THE_START
    """Where the stream goes on for another decoder; by default at its beginning."""
    pace: Pace = field(default_factory=Pace)
    """Whether its chunks can wait."""
    trace: SegmentTraces = field(default_factory=segment_traces)
    _buffer: FrameBuffer = field(init=False)
    _controls: deque[_Pending] = field(default_factory=deque)
    _barriers: deque[_Pending] = field(default_factory=deque)  # the flushes and the end among them
    _consumed_frames: int = 0
    _received_frames: int = 0
    _padding_frames: int = 0
    _flushed_at_frame: int = 0
    _outputs_to_skip: int = field(init=False)
    _started: bool = False
    _due_at: float | None = None
    _warm_up_left: int = field(init=False)
    _chunk_starts: ChunkStarts = field(init=False)
    _responses: deque[decoder_pb2.DecodeResponse] = field(default_factory=deque)
    _finished: bool = False
    _failure: errors.AmiraError | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._buffer = FrameBuffer(self.geometry.feature_dim)
        self._outputs_to_skip = self.geometry.output_delay_frames
        self._chunk_starts = ChunkStarts(self.geometry, self.limits.warm_up_frames)
        self._warm_up_left = self.resume.warm_up.chunks
        self._consumed_frames = self._received_frames = self.resume.warm_up.first_frame
        self._flushed_at_frame = self._consumed_frames
        self.trace.opened(self)

    # -- what comes in -------------------------------------------------------------------------

    async def add_features(self, content: bytes) -> None:
        """Appends packed frames; waits while too many are held.

        Raises:
            MalformedAudioError: not a whole number of float32 frames.
        """
        frame_bytes = 4 * self.geometry.feature_dim
        if len(content) % frame_bytes:
            raise errors.MalformedAudioError(
                f"Features must come as whole frames of {frame_bytes} bytes, got {len(content)} bytes."
            )
        frames = np.frombuffer(content, np.float32).reshape(-1, self.geometry.feature_dim)
        while self._over_buffered(len(frames)) and not self.closed:
            await self._wait()
        self._buffer.append(frames)
        self._received_frames += len(frames)
        self._note_due()
        self.trace.fed(self)
        self.wake_scheduler()

    def add_control(self, control: Control) -> None:
        """Puts a control behind the frames added so far."""
        pending = _Pending(control, self._received_frames)
        self._controls.append(pending)
        if isinstance(control, Flush | End):
            self._barriers.append(pending)
        self._note_due()
        self.trace.fed(self)
        self.wake_scheduler()

    async def room_for(self, control: type[Control]) -> None:
        """Waits while too many controls of this kind are held.

        Raises:
            ProtocolError: they all wait for audio that has not come.
        """
        while self._is_full_of(control) and not self.closed:
            if not (self._chunk_is_due() or self._head_is_due()):
                if control is Flush:
                    return  # sets them free
                raise errors.ProtocolError(
                    "Too many controls of this kind wait for audio to come: "
                    "send audio or FLUSH before any more."
                )
            await self._wait()

    def abort(self) -> None:
        """The sender is gone: decode nothing more, send nothing more."""
        self._close(None)
        self.trace.close()

    # -- what the scheduler does ---------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the stream has ended, in whatever way."""
        return self._finished or self._failure is not None

    @property
    def started(self) -> bool:
        """Whether the encoder holds (or is about to hold) state of this stream."""
        return self._started

    @property
    def buffered_s(self) -> float:
        """Features that wait, in seconds."""
        return len(self._buffer) * FRAME_MS / 1000

    @property
    def ready(self) -> bool:
        """Whether :meth:`take_job` has something to do."""
        if self.closed or len(self._responses) >= self.limits.max_pending_responses:
            return False
        return self._head_is_due() or self._chunk_is_due()

    def take_job(self) -> Job:
        """The next step. Call only when :attr:`ready`.

        Controls that could have been carried out before are not put off until after one more chunk,
        however late they came.
        """
        decoded_before = self._decoded_frames()
        controls_first = self._head_is_due()
        window = self._take_chunk() if not controls_first and self._chunk_is_due() else None
        skipped_outputs = self._skip_outputs() if window is not None else 0
        reset = window is not None and not self._started
        self._started = self._started or window is not None
        warms_up = window is not None and self._count_warm_up()
        completed: list[Control] = []
        while self._head_is_due():
            completed.append(self._pop_control())
        self._changed.set()
        due_at, self._due_at = self._due_at or time.monotonic(), None
        self._note_due()
        end_frame = self._decoded_frames()
        if not warms_up:
            metrics.audio_decoded(end_frame - decoded_before)
        job = Job(
            self,
            window,
            reset,
            skipped_outputs,
            end_frame,
            completed,
            warms_up,
            self._chunk_starts.warm_up(),
            due_at,
        )
        self.trace.taken(self, job)
        return job

    def deliver(self, responses: Sequence[decoder_pb2.DecodeResponse], ended: bool) -> None:
        """Hands over what a job brought; `ended` after the job that held End."""
        self.trace.delivered(responses, ended)
        if self.closed:
            return
        self._responses.extend(responses)
        self._finished = ended
        self._changed.set()

    def fail(self, error: errors.AmiraError) -> None:
        """Ends the stream with an error, after the responses that are already there."""
        self._close(error)

    # -- what goes out -------------------------------------------------------------------------

    async def responses(self) -> AsyncIterator[decoder_pb2.DecodeResponse]:
        """Yields responses until the stream has ended; raises what it failed with."""
        while True:
            while self._responses:
                yield self._responses.popleft()
                self.wake_scheduler()
            if self._failure is not None:
                raise self._failure
            if self._finished:
                return
            await self._wait()

    # -- details -------------------------------------------------------------------------------

    def _close(self, error: errors.AmiraError | None) -> None:
        if not self.closed:
            self._failure = error
            self._finished = error is None
            self._changed.set()

    def _note_due(self) -> None:
        if self._due_at is None and (self._head_is_due() or self._chunk_is_due()):
            self._due_at = time.monotonic()

    def _over_buffered(self, coming: int) -> bool:
        held = len(self._buffer)
        # Below one window the encoder cannot run, and waiting for it would never end.
        return held >= self.geometry.window_frames and held + coming > self.limits.max_buffered_frames

    def _is_full_of(self, control: type[Control]) -> bool:
        if control is not Update:
            return len(self._controls) >= self.limits.max_pending_controls
        updates = sum(isinstance(pending.control, Update) for pending in self._controls)
        return updates >= self.limits.max_pending_updates

    def _barrier(self) -> _Pending | None:
        """The next flush or end: frames after it are not for the current chunk."""
        return self._barriers[0] if self._barriers else None

    def _chunk_is_due(self) -> bool:
        barrier = self._barrier()
        if barrier is None:
            return len(self._buffer) >= self.geometry.window_frames
        return not self._is_flushed(barrier.position_frames)

    def _is_flushed(self, position_frames: int) -> bool:
        if position_frames == self._flushed_at_frame:
            return True
        needed_frames = self.limits.tail_frames + self.geometry.delay_frames
        return self._consumed_frames == position_frames and self._padding_frames >= needed_frames

    def _head_is_due(self) -> bool:
        return bool(self._controls) and self._control_is_due(self._controls[0])

    def _control_is_due(self, pending: _Pending) -> bool:
        if isinstance(pending.control, Flush | End):
            return self._is_flushed(pending.position_frames)
        return self._decoded_frames() >= pending.position_frames

    def _decoded_frames(self) -> int:
        """Frames of real audio whose encoder frames have come out, or come out with the job being taken."""
        fed_frames = self._consumed_frames - self._flushed_at_frame
        out_frames = max(0, fed_frames + self._padding_frames - self.geometry.delay_frames)
        return self._flushed_at_frame + min(fed_frames, out_frames)

    def _skip_outputs(self) -> int:
        skipped = min(self._outputs_to_skip, self.geometry.output_frames)
        self._outputs_to_skip -= skipped
        return skipped

    def _count_warm_up(self) -> bool:
        """Whether the chunk just taken is one of the warm-up."""
        if not self._warm_up_left:
            return False
        self._warm_up_left -= 1
        if not self._warm_up_left and self._decoded_frames() != self.resume.segment_start_frame:
            # Words would be lost or doubled.
            self.fail(
                errors.ServiceUnavailableError(
                    "This decoder cuts the stream's audio in another way than the one that began it "
                    "(another model or setting), so it cannot go on for it."
                )
            )
        return True

    def _take_chunk(self) -> NDArray[np.float32]:
        barrier = self._barrier()
        usable = len(self._buffer)
        if barrier is not None:
            usable = min(usable, barrier.position_frames - self._consumed_frames)
        geometry = self.geometry
        window = np.empty((geometry.window_frames, geometry.feature_dim), np.float32)
        self._buffer.copy_window(window, min(usable, geometry.window_frames))
        consumed = min(usable, geometry.chunk_frames)
        # A chunk of padding alone begins where the next one with audio will.
        self._chunk_starts.add(self._consumed_frames, named_by_frame=consumed > 0)
        self._buffer.drop(consumed)
        self._consumed_frames += consumed
        self._padding_frames += geometry.chunk_frames - consumed
        return window

    def _pop_control(self) -> Control:
        pending = self._controls.popleft()
        if isinstance(pending.control, Flush | End):
            self._barriers.popleft()
            self._flushed_at_frame = pending.position_frames
            self._padding_frames = 0
            # What is still to come out of the encoder stands for the end of the padding.
            self._outputs_to_skip = self.geometry.output_delay_frames
        return pending.control

    async def _wait(self) -> None:
        # Two tasks may wait here (reader and writer), so each takes a fresh event.
        event = self._changed
        if event.is_set():
            event = self._changed = asyncio.Event()
        await event.wait()
