"""A stream's segments as spans, and the ticks that took them to the encoder.

    Decode ─┬─ tick ── Triton's own spans     the first chunk of a segment
            ├─ segment                        figures of its chunks, summed up
            ├─ tick ── ...
            └─ segment

Never a span per chunk: a tick is recorded for the first chunk of each segment alone. A tick serves many
streams, but Triton takes one parent per request: it is one stream's span, linked to the others in the batch,
each of which will have its own with a chunk of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from amira.asr.v1 import result_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core.tracing.stream import NO_TRACE, StreamTrace, stream_trace
from amira_decoder.controls import End, Flush
from amira_decoder.encoder.base import EncoderBatch, EncoderOutput

if TYPE_CHECKING:
    from amira_decoder.job import Job
    from amira_decoder.stream import DecodingStream

_MOST_LINKS: Final = 16


class SegmentTraces:
    """What a stream says about its jobs. This class itself is that of streams without a trace."""

    wants_tick: bool = False
    """Whether the next tick is to be a span of this stream."""
    call: StreamTrace = NO_TRACE
    """The span of the stream's call."""

    def opened(self, stream: DecodingStream) -> None:
        """The stream has its slot."""

    def fed(self, stream: DecodingStream) -> None:
        """Frames or a control came, which may have made a job due."""

    def taken(self, stream: DecodingStream, job: Job) -> None:
        """A job was taken."""

    def encoded(self, seconds: float) -> None:
        """The encoder computed the job that was taken last."""

    def searched(self, seconds: float) -> None:
        """The oldest job that is not delivered yet was searched."""

    def delivered(self, responses: Iterable[decoder_pb2.DecodeResponse], ended: bool) -> None:
        """What that job brought."""

    def begin_tick(self, rows: int, others: Iterable[SegmentTraces]) -> StreamTrace:
        """The span of a tick."""
        return NO_TRACE

    def close(self) -> None:
        """Nothing more comes of the stream. Harmless when called twice."""


NO_SEGMENTS: Final = SegmentTraces()


def segment_traces() -> SegmentTraces:
    """Those of the stream whose call this task serves."""
    call = stream_trace()
    return NO_SEGMENTS if call is NO_TRACE else RecordedSegments(call)


def in_tick(
    jobs: Sequence[Job], step: Callable[[EncoderBatch], Awaitable[EncoderOutput]]
) -> Callable[[EncoderBatch], Awaitable[EncoderOutput]]:
    """The encoder's step for those of `jobs` that have a chunk, as a tick that their streams know of."""
    traces = [job.stream.trace for job in jobs if job.window is not None]
    if all(trace is NO_SEGMENTS for trace in traces):
        return step

    async def traced(batch: EncoderBatch) -> EncoderOutput:
        began_at = time.monotonic()
        host = _host(traces)
        span = host.begin_tick(len(traces), (trace for trace in traces if trace is not host))
        with span, span.current():
            output = await step(batch)
        for trace in traces:
            trace.encoded(time.monotonic() - began_at)
        return output

    return traced


@contextmanager
def searching(jobs: Sequence[Job]) -> Iterator[None]:
    """Around the search of an encoded batch."""
    began_at = time.monotonic()
    yield
    seconds = time.monotonic() - began_at
    for job in jobs:
        job.stream.trace.searched(seconds)


def _host(traces: Sequence[SegmentTraces]) -> SegmentTraces:
    """The stream whose span the tick becomes, one whose trace goes out if there is one; none may want it."""
    wanting = [trace for trace in traces if trace.wants_tick]
    exported = (trace for trace in wanting if trace.call.is_exported)
    return next(exported, next(iter(wanting), NO_SEGMENTS))


@dataclass(slots=True)
class _Job:
    taken_at: float
    waited_s: float
    has_chunk: bool
    warms_up: bool
    ended_by: str
    encoder_s: float = 0.0
    search_s: float = 0.0


class RecordedSegments(SegmentTraces):
    """Jobs overlap (one is searched while the next is encoded), so their figures queue up until delivery."""

    def __init__(self, call: StreamTrace) -> None:
        self.call = call
        self.wants_tick = True
        self._due_at: float | None = None
        self._jobs: deque[_Job] = deque()
        self._span: StreamTrace | None = None
        self._warming_up = False
        self._sums = _Sums()
        self._closed = False

    def opened(self, stream: DecodingStream) -> None:
        self.call.set(
            decoder_stream_id=stream.stream_id, slot=stream.slot.index, search=stream.tracker.search.name
        )

    def fed(self, stream: DecodingStream) -> None:
        if self._due_at is None and stream.ready:
            self._due_at = time.monotonic()

    def taken(self, stream: DecodingStream, job: Job) -> None:
        now = time.monotonic()
        waited_s = 0.0 if self._due_at is None else now - self._due_at
        self._due_at = now if stream.ready else None
        ended_by = next((_CAUSES[type(c)] for c in job.completed if type(c) in _CAUSES), "endpoint")
        self._jobs.append(_Job(now, waited_s, job.window is not None, job.warms_up, ended_by))

    def encoded(self, seconds: float) -> None:
        if self._jobs:
            self._jobs[-1].encoder_s = seconds

    def searched(self, seconds: float) -> None:
        if self._jobs:
            self._jobs[0].search_s = seconds

    def delivered(self, responses: Iterable[decoder_pb2.DecodeResponse], ended: bool) -> None:
        if self._closed or not self._jobs:
            return
        job = self._jobs.popleft()
        if self._warming_up and not job.warms_up:
            self._end_segment("warmed_up")
        if job.has_chunk or ended:
            self._span = self._span or self._begin(job)
            self._sums.add(job)
        for response in responses:
            self._note(response)
            if response.HasField("resume"):
                self._end_segment(job.ended_by)
        if ended:
            self._end_segment("end")

    def begin_tick(self, rows: int, others: Iterable[SegmentTraces]) -> StreamTrace:
        self.wants_tick = False
        links = [other.call.traceparent for other in others if other.call.is_exported][:_MOST_LINKS]
        return self.call.begin("tick", links=links, rows=rows)

    def close(self) -> None:
        self._end_segment("cut_off")
        self._closed = True

    def _begin(self, job: _Job) -> StreamTrace:
        self._warming_up = job.warms_up
        name = "warm_up" if job.warms_up else "segment"
        return self.call.begin(name, began_s_ago=time.monotonic() - job.taken_at)

    def _note(self, response: decoder_pb2.DecodeResponse) -> None:
        if self._span is None:
            return
        if response.HasField("event"):
            started = response.event.kind == result_pb2.SpeechEvent.KIND_SPEECH_START
            name = "speech_start" if started else "speech_end"
            self._span.event(name, audio_ms=response.event.offset.ToMilliseconds())
        elif response.HasField("result") and response.result.is_final:
            result = response.result
            # How many words, never which.
            words = len(result.alternatives[0].text.split()) if result.alternatives else 0
            self._span.set(
                segment_id=result.segment_id,
                words=words,
                audio_start_ms=result.segment_start.ToMilliseconds(),
                audio_end_ms=result.audio_processed.ToMilliseconds(),
            )

    def _end_segment(self, ended_by: str) -> None:
        span, self._span = self._span, None
        sums, self._sums = self._sums, _Sums()
        self._warming_up = False
        self.wants_tick = True
        if span is None:
            return
        span.event("endpoint", by=ended_by)
        span.set(ended_by=ended_by, **sums.attributes())
        span.end()


_CAUSES = {Flush: "flush", End: "end"}


@dataclass(slots=True)
class _Sums:
    """A segment's chunks, summed up; the time of a batch counts in full for each stream in it."""

    chunks: int = 0
    waited_s: float = 0.0
    most_waited_s: float = 0.0
    encoder_s: float = 0.0
    search_s: float = 0.0

    def add(self, job: _Job) -> None:
        self.chunks += job.has_chunk
        self.waited_s += job.waited_s
        self.most_waited_s = max(self.most_waited_s, job.waited_s)
        self.encoder_s += job.encoder_s
        self.search_s += job.search_s

    def attributes(self) -> dict[str, float]:
        return {
            "chunks": self.chunks,
            "wait_ms": round(self.waited_s * 1000, 1),
            "longest_wait_ms": round(self.most_waited_s * 1000, 1),
            "encoder_ms": round(self.encoder_s * 1000, 1),
            "search_ms": round(self.search_s * 1000, 1),
        }
