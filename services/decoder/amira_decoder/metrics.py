"""The decoder's metrics: what events count. What is kept anyway is in metrics_readings.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amira_core import errors
from amira_core.metrics.registry import counter, histogram
from amira_core.metrics.schema import Decoder
from amira_decoder.frame_buffer import FRAME_MS

if TYPE_CHECKING:
    from amira_decoder.job import Job

_STREAMS = counter(Decoder.STREAMS)
_REFUSED = counter(Decoder.STREAMS_REFUSED)
_CHUNKS = counter(Decoder.CHUNKS)
_AUDIO = counter(Decoder.AUDIO)
_BATCH = histogram(Decoder.BATCH)
_TICK = histogram(Decoder.TICK)
_STAGE = histogram(Decoder.STAGE)
_CHUNK = histogram(Decoder.CHUNK)
_BUSY = counter(Decoder.BUSY)
_SEGMENTS = counter(Decoder.SEGMENTS)
_RESULTS = counter(Decoder.RESULTS)
_WORDS = counter(Decoder.WORDS)
ENCODER_LOSSES = counter(Decoder.ENCODER_LOSSES)
SLOTS_ORPHANED = counter(Decoder.SLOTS_ORPHANED)

# Series that are needed for every chunk are looked up once.
_SEARCHED, _WARM_UP = _CHUNKS.labels("searched"), _CHUNKS.labels("warm_up")
_ENCODER_BUSY, _SEARCH_BUSY = _BUSY.labels("encoder"), _BUSY.labels("search")
INTERIMS, _FINALS = _RESULTS.labels("interim"), _RESULTS.labels("final")
_FRAME_S = FRAME_MS / 1000


class _Pace:
    """The series of streams at one pace."""

    def __init__(self, pace: str) -> None:
        self.chunk = _CHUNK.labels(pace)
        self.wait = _STAGE.labels("wait", pace)
        self.encoder = _STAGE.labels("encoder", pace)
        self.queue = _STAGE.labels("queue", pace)
        self.search = _STAGE.labels("search", pace)


_LIVE, _AHEAD = _Pace("live"), _Pace("ahead")


@dataclass(slots=True)
class BatchTimes:
    """When a batch went into and came out of each stage, in monotonic seconds."""

    encoding_at: float = 0.0
    encoded_at: float = 0.0
    searching_at: float = 0.0
    searched_at: float = 0.0


def stream_opened(goes_on: bool) -> None:
    """`goes_on`: another decoder began the stream."""
    _STREAMS.labels("resumed" if goes_on else "new").inc()


@contextmanager
def refusals() -> Iterator[None]:
    """Counts a stream that the block refuses."""
    try:
        yield
    except errors.AmiraError as error:
        _REFUSED.labels(error.reason).inc()
        raise


def encoded(rows: int, times: BatchTimes) -> None:
    """The encoder is done with a batch."""
    took_s = times.encoded_at - times.encoding_at
    _BATCH.observe(rows)
    _TICK.observe(took_s)
    _ENCODER_BUSY.inc(took_s)


def searched(jobs: Sequence[Job], times: BatchTimes) -> None:
    """The search is done with a batch, and every chunk of it with the decoder."""
    _SEARCH_BUSY.inc(times.searched_at - times.searching_at)
    for job in jobs:
        if job.window is not None:
            _chunk_done(job, times)


def segment_ended(by: str, words: int | None) -> None:
    """`by`: the endpoint rule, `flush` or `end`; `words`: of the final, None where there was none."""
    _SEGMENTS.labels(by).inc()
    if words is not None:
        _FINALS.inc()
        _WORDS.inc(words)


def _chunk_done(job: Job, times: BatchTimes) -> None:
    (_WARM_UP if job.warms_up else _SEARCHED).inc()
    pace = _AHEAD if job.stream.pace.is_ahead or job.warms_up else _LIVE
    call = job.stream.trace.call
    pace.chunk.observe(
        times.searched_at - job.due_at, {"trace_id": call.trace_id} if call.is_exported else None
    )
    pace.wait.observe(times.encoding_at - job.due_at)
    pace.encoder.observe(times.encoded_at - times.encoding_at)
    pace.queue.observe(times.searching_at - times.encoded_at)
    pace.search.observe(times.searched_at - times.searching_at)


def audio_decoded(frames: int) -> None:
    """A stream got so many frames of real audio further."""
    _AUDIO.inc(frames * _FRAME_S)
