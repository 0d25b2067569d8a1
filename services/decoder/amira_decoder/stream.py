"""One stream inside the decoder: its reader adds frames and controls, the scheduler takes jobs, its writer
takes responses.

Everything here runs on the event loop. Which frames make a chunk is decided in chunk_cutter.py, and what
its words are in segment_tracker.py.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder import metrics
from amira_decoder.chunk_cutter import ChunkCutter
from amira_decoder.controls import Control, Flush, Update
from amira_decoder.encoder.base import EncoderGeometry
from amira_decoder.frame_buffer import FRAME_MS
from amira_decoder.job import Job
from amira_decoder.load.pace import Pace
from amira_decoder.resume import FROM_THE_START, ResumeFrom
from amira_decoder.segment_tracker import SegmentTracker
from amira_decoder.slots import Slot
from amira_decoder.traces import SegmentTraces, segment_traces


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
    hurry_scheduler: Callable[[], None] = lambda: None
    """Called when somebody waits for the words of all that has come."""
    _cutter: ChunkCutter = field(init=False)
    _started: bool = False
    _due_at: float | None = None
    """Since when there is something to do; None: there is nothing."""
    _warm_up_left: int = field(init=False)
    _responses: deque[decoder_pb2.DecodeResponse] = field(default_factory=deque)
    _finished: bool = False
    _failure: errors.AmiraError | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._cutter = ChunkCutter(
            self.geometry,
            tail_frames=self.limits.tail_frames,
            warm_up_frames=self.limits.warm_up_frames,
            first_frame=self.resume.warm_up.first_frame,
        )
        self._warm_up_left = self.resume.warm_up.chunks
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
        self._cutter.add_frames(frames)
        self._note_due()
        self.trace.fed(self)
        self.wake_scheduler()

    def add_control(self, control: Control) -> None:
        """Puts a control behind the frames added so far."""
        self._cutter.add_control(control)
        self._note_due()
        self.trace.fed(self)
        self.wake_scheduler()
        if self.is_urgent:
            self.hurry_scheduler()

    async def room_for(self, control: type[Control]) -> None:
        """Waits while too many controls of this kind are held.

        Raises:
            ProtocolError: they all wait for audio that has not come.
        """
        while self._is_full_of(control) and not self.closed:
            if self._due_at is None:
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
        return self._cutter.held_frames * FRAME_MS / 1000

    @property
    def ready(self) -> bool:
        """Whether :meth:`take_job` has something to do."""
        return (
            self._due_at is not None
            and not self.closed
            and len(self._responses) < self.limits.max_pending_responses
        )

    @property
    def is_urgent(self) -> bool:
        """Whether it is :attr:`ready` and somebody waits for the words of all that has come."""
        return self._cutter.is_finishing and self.ready

    def take_job(self) -> Job:
        """The next step. Call only when :attr:`ready`.

        Controls that could have been carried out before are not put off until after one more chunk,
        however late they came.
        """
        cutter = self._cutter
        decoded_before = cutter.decoded_frames
        controls_first = cutter.control_is_due
        window = cutter.take_chunk() if not controls_first and cutter.chunk_is_due else None
        skipped_outputs = cutter.skip_outputs() if window is not None else 0
        reset = window is not None and not self._started
        self._started = self._started or window is not None
        warms_up = window is not None and self._count_warm_up()
        completed = cutter.take_controls()
        self._changed.set()
        due_at, self._due_at = self._due_at or time.monotonic(), None
        self._note_due()
        end_frame = cutter.decoded_frames
        if not warms_up:
            metrics.audio_decoded(end_frame - decoded_before)
        job = Job(
            self, window, reset, skipped_outputs, end_frame, completed, warms_up, cutter.warm_up(), due_at
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
        if self._due_at is None and (self._cutter.control_is_due or self._cutter.chunk_is_due):
            self._due_at = time.monotonic()

    def _over_buffered(self, coming: int) -> bool:
        held = self._cutter.held_frames
        # Below one window the encoder cannot run, and waiting for it would never end.
        return held >= self.geometry.window_frames and held + coming > self.limits.max_buffered_frames

    def _is_full_of(self, control: type[Control]) -> bool:
        most = self.limits.max_pending_updates if control is Update else self.limits.max_pending_controls
        return self._cutter.controls_of(control) >= most

    def _count_warm_up(self) -> bool:
        """Whether the chunk just taken is one of the warm-up."""
        if not self._warm_up_left:
            return False
        self._warm_up_left -= 1
        if not self._warm_up_left and self._cutter.decoded_frames != self.resume.segment_start_frame:
            # Words would be lost or doubled.
            self.fail(
                errors.ServiceUnavailableError(
                    "This decoder cuts the stream's audio in another way than the one that began it "
                    "(another model or setting), so it cannot go on for it."
                )
            )
        return True

    async def _wait(self) -> None:
        # Two tasks may wait here (reader and writer), so each takes a fresh event.
        event = self._changed
        if event.is_set():
            event = self._changed = asyncio.Event()
        await event.wait()
