"""Segments and ticks as spans: jobs that overlap, batches of several streams, ends of every kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from amira.asr.v1 import result_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core.tracing.stream import NO_TRACE, StreamTrace, Value, current_trace
from amira_decoder.controls import Control, End, Flush, MarkPassed
from amira_decoder.traces import (
    NO_SEGMENTS,
    RecordedSegments,
    SegmentTraces,
    in_tick,
    searching,
    segment_traces,
)

FINAL = decoder_pb2.DecodeResponse(
    result=result_pb2.StreamingResult(
        is_final=True, segment_id=3, alternatives=[result_pb2.Alternative(text="two words")]
    ),
    resume=decoder_pb2.ResumePoint(segment_id=4),
)
NOTHING_SAID = decoder_pb2.DecodeResponse(resume=decoder_pb2.ResumePoint(segment_id=4))
INTERIM = decoder_pb2.DecodeResponse(result=result_pb2.StreamingResult(segment_id=3))


class Notes(StreamTrace):
    """Keeps what is said about a span and its parts."""

    def __init__(self, name: str = "call", links: Iterable[str] = (), *, exported: bool = True) -> None:
        self.name = name
        self.links = list(links)
        self.parts: list[Notes] = []
        self.attributes: dict[str, Value] = {}
        self.events: list[str] = []
        self.ended = False
        self.is_exported = exported
        self.traceparent = f"parent of {name}"

    def begin(
        self, name: str, *, links: Iterable[str] = (), began_s_ago: float = 0.0, **attributes: Value
    ) -> StreamTrace:
        assert began_s_ago >= 0
        self.parts.append(Notes(name, links))
        self.parts[-1].set(**attributes)
        return self.parts[-1]

    def set(self, **attributes: Value) -> None:
        self.attributes |= attributes

    def event(self, name: str, **attributes: Value) -> None:
        self.events.append(name)

    def end(self) -> None:
        assert not self.ended
        self.ended = True


@dataclass
class Stream:
    """As much of a DecodingStream as its trace looks at."""

    trace: SegmentTraces
    ready: bool = False


@dataclass
class Job:
    """As much of a Job as its trace looks at."""

    stream: Stream
    window: object | None = "chunk"
    completed: list[Control] = field(default_factory=list)
    warms_up: bool = False


def a_stream(*, exported: bool = True) -> tuple[Notes, Stream]:
    call = Notes(exported=exported)
    return call, Stream(RecordedSegments(call))


def take(stream: Stream, *controls: Control, chunk: bool = True, warms_up: bool = False) -> Job:
    job = Job(stream, "chunk" if chunk else None, list(controls), warms_up)
    stream.trace.fed(cast(Any, stream))
    stream.trace.taken(cast(Any, stream), cast(Any, job))
    return job


async def encode(*jobs: Job) -> None:
    async def step(batch: Any) -> Any:
        return batch

    assert await in_tick(cast(Any, jobs), step)(cast(Any, "batch")) == "batch"


def named(call: Notes, name: str) -> list[Notes]:
    return [part for part in call.parts if part.name == name]


async def test_a_segment_sums_up_its_chunks_and_has_one_tick() -> None:
    call, stream = a_stream()
    for response in (INTERIM, INTERIM, FINAL):
        job = take(stream)
        await encode(job)
        with searching(cast(Any, [job])):
            pass
        stream.trace.delivered([response], ended=False)
    [segment] = named(call, "segment")
    assert segment.ended
    assert segment.events == ["endpoint"]
    assert segment.attributes["chunks"] == 3
    assert segment.attributes["words"] == 2
    assert segment.attributes["segment_id"] == 3
    assert segment.attributes["ended_by"] == "endpoint"
    assert segment.attributes["encoder_ms"] >= 0  # type: ignore[operator]
    [tick] = named(call, "tick")
    assert tick.ended
    assert tick.attributes == {"rows": 1}


async def test_a_chunk_taken_before_the_segment_closes_belongs_to_the_next() -> None:
    call, stream = a_stream()
    for _ in range(2):
        await encode(take(stream))  # the second is encoded while the first is searched
    stream.trace.delivered([FINAL], ended=False)
    stream.trace.delivered([INTERIM], ended=False)
    first, second = named(call, "segment")
    assert (first.ended, second.ended) == (True, False)
    assert first.attributes["chunks"] == 1
    await encode(take(stream))
    assert len(named(call, "tick")) == 2, "one for each segment"


@pytest.mark.parametrize(
    ("controls", "response", "ended", "ended_by"),
    [
        ((Flush(),), FINAL, False, "flush"),
        ((MarkPassed("m"),), FINAL, False, "endpoint"),
        ((), NOTHING_SAID, False, "endpoint"),
        ((End(),), FINAL, True, "end"),
    ],
)
async def test_what_ended_it(
    controls: tuple[Control, ...], response: decoder_pb2.DecodeResponse, ended: bool, ended_by: str
) -> None:
    call, stream = a_stream()
    take(stream, *controls)
    stream.trace.delivered([response], ended=ended)
    stream.trace.close()
    [segment] = named(call, "segment")
    assert segment.attributes["ended_by"] == ended_by


async def test_a_stream_that_is_cut_off_leaves_nothing_open() -> None:
    call, stream = a_stream()
    take(stream)
    stream.trace.delivered([INTERIM], ended=False)
    take(stream)
    stream.trace.close()
    stream.trace.close()
    stream.trace.delivered([FINAL], ended=False)  # what was in flight
    [segment] = named(call, "segment")
    assert segment.attributes["ended_by"] == "cut_off"


async def test_warming_up_is_no_segment() -> None:
    call, stream = a_stream()
    for _ in range(2):
        take(stream, warms_up=True)
        stream.trace.delivered([], ended=False)
    take(stream)
    stream.trace.delivered([FINAL], ended=False)
    [warm_up] = named(call, "warm_up")
    [segment] = named(call, "segment")
    assert warm_up.attributes["chunks"] == 2
    assert warm_up.attributes["ended_by"] == "warmed_up"
    assert segment.attributes["chunks"] == 1


async def test_controls_alone_open_no_segment() -> None:
    call, stream = a_stream()
    take(stream, MarkPassed("m"), chunk=False)
    stream.trace.delivered([], ended=False)
    assert call.parts == []


async def test_of_a_batch_one_stream_has_the_tick_and_the_others_get_theirs_later() -> None:
    streams = [a_stream(exported=exported) for exported in (False, True, True)]
    for _ in range(4):
        await encode(*(take(stream) for _, stream in streams))
        for _, stream in streams:
            stream.trace.delivered([INTERIM], ended=False)
    ticks = [named(call, "tick") for call, _ in streams]
    assert [len(each) for each in ticks] == [1, 1, 1]
    assert all(tick.attributes["rows"] == 3 for [tick] in ticks)
    assert len(ticks[1][0].links) == 1, "to the other one that is exported"
    assert len(ticks[0][0].links) == 2


async def test_streams_without_a_trace_cost_no_tick() -> None:
    async def step(batch: Any) -> Any:
        return batch

    jobs = [Job(Stream(NO_SEGMENTS))]
    assert in_tick(cast(Any, jobs), step) is step


def test_a_stream_has_a_trace_where_its_call_has_one() -> None:
    assert segment_traces() is NO_SEGMENTS
    token = current_trace.set(Notes())
    try:
        assert isinstance(segment_traces(), RecordedSegments)
    finally:
        current_trace.reset(token)
    assert current_trace.get() is NO_TRACE
