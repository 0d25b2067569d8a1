"""A stream's trace, read back: from a collector in the test, and from a real Jaeger where one was built."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
import pytest

from amira.asr.v1 import speech_pb2
from amira_client import AmiraClient, Transcript
from amira_core.rpc.call import DuplexCall
from amira_local.jaeger import find_jaeger
from amira_local.options import StackOptions
from tests.stack.raw import CLIP, END, Request, audio, clip_pcm, config, pieces, speech_stub
from tests.support.jaeger import JaegerThread
from tests.support.otlp import Collector, TracedSpan, collecting
from tests.support.stack import StackThread

SERVICES = {"amira-gateway", "amira-frontend", "amira-decoder", "amira-triton"}
CLOCK_NS = 2_000_000
"""Spans of different processes, and Jaeger's whole microseconds."""
ANSWERED_NS = 500_000_000
CALLER = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"

Spans = list[TracedSpan]


@dataclass(frozen=True)
class Traced:
    """A stack, and where its traces go."""

    running: StackThread
    backend: Collector | JaegerThread

    @property
    def target(self) -> str:
        return self.running.stack.gateway_target

    def trace(self, trace_id: str, complete: Callable[[Spans], bool]) -> Spans:
        spans = self.backend.wait_for(trace_id, complete)
        assert complete(spans), [(span.service, span.name) for span in spans]
        return spans


@pytest.fixture(scope="module", params=["collector", pytest.param("jaeger", marks=pytest.mark.slow)])
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    """A stack with tracing on."""
    if request.param == "jaeger" and find_jaeger() is None:
        pytest.skip("no Jaeger here: `make jaeger-build` builds it, where Go is installed")
    with collecting() if request.param == "collector" else JaegerThread() as backend:
        environment = {
            **backend.environment,
            "AMIRA_TRITON_ENGINE": "onnxruntime",
            "AMIRA_GATEWAY_RECOVERY_TIMEOUT_S": "60",  # on a slow machine a decoder takes its time to start
        }
        with StackThread(StackOptions(ephemeral_ports=True, env=environment)) as running:
            yield Traced(running, backend)


async def transcribe(target: str) -> Transcript:
    async with AmiraClient(target) as client:
        return await client.transcribe(CLIP)


def named(spans: Spans, name: str, service: str = "") -> Spans:
    """Spans by the end of their name, and their service where one is given."""
    found = [span for span in spans if span.name.endswith(name) and service in ("", span.service)]
    return sorted(found, key=lambda span: span.start_ns)


def only(spans: Spans, name: str, service: str = "") -> TracedSpan:
    [span] = named(spans, name, service)
    return span


def is_over(spans: Spans) -> bool:
    """Whether the spans that end last have come from each service, and what Triton sends by itself."""
    return {span.service for span in spans} == SERVICES and all(
        named(spans, name, service)
        for name, service in (
            ("StreamingRecognize", "amira-gateway"),
            ("Frontend/Extract", "amira-frontend"),
            ("Decoder/Decode", "amira-decoder"),
        )
    )


def test_one_stream_is_one_trace_through_all_services(traced: Traced) -> None:
    transcript = asyncio.run(transcribe(traced.target))
    spans = traced.trace(transcript.session.trace_id, is_over)
    assert {span.service for span in spans} == SERVICES
    call, session = only(spans, "StreamingRecognize"), only(spans, "session")
    to_frontend, in_frontend = named(spans, "Frontend/Extract")
    to_decoder, in_decoder = named(spans, "Decoder/Decode")
    segments, ticks = named(spans, "segment"), named(spans, "tick")
    chain = [
        (call, ""), (session, call.span_id),
        (to_frontend, session.span_id), (in_frontend, to_frontend.span_id),
        (to_decoder, session.span_id), (in_decoder, to_decoder.span_id),
        *((span, in_decoder.span_id) for span in [*segments, *ticks]),
    ]  # fmt: skip
    for span, parent_id in chain:
        assert span.parent_id == parent_id, span
    requests = named(spans, "InferRequest")
    computations = named(spans, "compute")
    assert {request.parent_id for request in requests} <= {tick.span_id for tick in ticks}
    assert len(requests) == len(computations) >= 1
    assert [span.kind for span in (call, to_frontend, in_frontend, to_decoder, in_decoder)] == [
        "server", "client", "server", "client", "server",
    ]  # fmt: skip
    # Nothing but these: spans are per segment, not per chunk.
    assert len(spans) == len(chain) + 3 * len(requests)
    assert len(ticks) <= len(segments)
    assert not [span for span in spans if span.failed]


def test_spans_lie_within_their_parents_and_their_figures_add_up(traced: Traced) -> None:
    transcript = asyncio.run(transcribe(traced.target))
    spans = traced.trace(transcript.session.trace_id, is_over)
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        parent = by_id.get(span.parent_id)
        if parent is not None:
            assert span.start_ns >= parent.start_ns - CLOCK_NS, (span, parent)
            # A caller may have its answer before the one called has noted that it sent it.
            margin_ns = CLOCK_NS if span.service == parent.service else ANSWERED_NS
            assert span.end_ns <= parent.end_ns + margin_ns, (span, parent)
    segments = named(spans, "segment")
    spoken = [segment for segment in segments if "amira.segment_id" in segment.attributes]
    assert [segment.attributes["amira.segment_id"] for segment in spoken] == [
        final.segment_id for final in transcript.finals
    ]
    assert sum(int(segment.attributes["amira.words"]) for segment in spoken) == len(transcript.text.split())
    audio_s = float(only(spans, "session").attributes["amira.audio_s"])
    assert audio_s == float(only(spans, "Extract", "amira-frontend").attributes["amira.audio_s"])
    chunk_s = transcript.session.chunk_duration.ToMilliseconds() / 1000
    chunks = sum(int(segment.attributes["amira.chunks"]) for segment in segments)
    assert audio_s <= chunks * chunk_s <= audio_s + (len(segments) + 2) * chunk_s
    for segment in segments:
        length_ms = (segment.end_ns - segment.start_ns + CLOCK_NS) / 1e6
        for figure in ("encoder_ms", "search_ms"):
            assert 0 <= float(segment.attributes[f"amira.{figure}"]) <= length_ms
        assert segment.event_names()[-1] == "endpoint"
    for segment in spoken:
        assert segment.event_names() == ["speech_start", "speech_end", "endpoint"]
    assert only(spans, "session").attributes["amira.results"] == len(spoken)


def test_nothing_that_was_said_is_in_a_trace(traced: Traced) -> None:
    transcript = asyncio.run(transcribe(traced.target))
    everything = str(traced.trace(transcript.session.trace_id, is_over)).lower()
    said = {word for word in transcript.text.lower().split() if len(word) > 6}
    assert said
    assert not [word for word in said if word in everything]


async def run_raw(
    target: str, *requests: Request, **options: object
) -> tuple[dict[str, str], grpc.StatusCode]:
    """The metadata with which a stream ended, and its status."""
    async with speech_stub(target) as stub:
        call = stub.StreamingRecognize(iter(requests), **options)
        try:
            async for _ in call:
                pass
        except grpc.aio.AioRpcError:
            pass
        trailing = {key: str(value) for key, value in await call.trailing_metadata()}
        return trailing, await call.code()


def _has_ended(spans: Spans) -> bool:
    return bool(named(spans, "StreamingRecognize"))


def test_a_failed_stream_is_marked_and_its_client_told_the_trace(traced: Traced) -> None:
    gap = audio(clip_pcm(0.5), offset=10**6)
    told, code = asyncio.run(run_raw(traced.target, config(), *pieces(clip_pcm(1.0)), gap))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    _, trace_id, span_id, flags = told["traceresponse"].split("-")
    spans = traced.trace(trace_id, _has_ended)
    call, session = only(spans, "StreamingRecognize"), only(spans, "session")
    assert (call.span_id, flags) == (span_id, "01")
    assert call.failed
    assert session.failed
    assert call.attributes["error.type"] == session.attributes["amira.ended"] == "AUDIO_OFFSET_MISMATCH"
    assert call.attributes["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_refused_stream_has_a_trace(traced: Traced) -> None:
    told, code = asyncio.run(run_raw(traced.target, config(model="no such model")))
    assert code is grpc.StatusCode.NOT_FOUND
    trace_id = told["traceresponse"].split("-")[1]
    spans = traced.trace(
        trace_id, lambda spans: _has_ended(spans) and bool(named(spans, "Decode", "amira-decoder"))
    )
    refusing = only(spans, "Decoder/Decode", "amira-decoder")
    assert refusing.failed
    assert refusing.attributes["error.type"] == "UNKNOWN_MODEL"
    assert only(spans, "StreamingRecognize").attributes["error.type"] == "UNKNOWN_MODEL"


def test_a_clients_trace_goes_on(traced: Traced) -> None:
    told, _ = asyncio.run(
        run_raw(traced.target, config(), *pieces(clip_pcm(1.0)), END, metadata=(("traceparent", CALLER),))
    )
    trace_id, caller_id = CALLER.split("-")[1:3]
    spans = traced.trace(trace_id, _has_ended)
    assert told["traceresponse"].split("-")[1] == trace_id
    assert only(spans, "StreamingRecognize").parent_id == caller_id


async def lose_and_resume(target: str) -> tuple[str, str]:
    """A stream in two calls; the ids of their traces."""
    first_message = config()
    first_message.resumable = True
    async with speech_stub(target) as stub:
        call = DuplexCall(stub.StreamingRecognize())
        for request in (first_message, *pieces(clip_pcm(2.0))):
            assert await call.write(request)
        first = await call.read()
        assert first is not None
        call.cancel()
        resume = Request(resume=speech_pb2.Resume(token=first.session.resume_token, last_sequence=1))
        told, code = await asyncio.wait_for(_resumed(stub, resume), 60)
    assert code is grpc.StatusCode.OK
    return first.session.trace_id, told["traceresponse"].split("-")[1]


async def _resumed(stub: object, resume: Request) -> tuple[dict[str, str], grpc.StatusCode]:
    while True:
        call = stub.StreamingRecognize(iter([resume, END]))  # type: ignore[attr-defined]
        try:
            async for _ in call:
                pass
        except grpc.aio.AioRpcError as failure:
            if failure.code() is not grpc.StatusCode.NOT_FOUND:
                raise
        return {key: str(value) for key, value in await call.trailing_metadata()}, await call.code()


def test_a_resumed_stream_is_linked(traced: Traced) -> None:
    first_id, second_id = asyncio.run(lose_and_resume(traced.target))
    assert first_id != second_id, "this client sends no traceparent"
    first = traced.trace(first_id, lambda spans: bool(named(spans, "session")))
    second = traced.trace(second_id, _has_ended)
    lost, session, resuming = (
        only(first, "StreamingRecognize"),
        only(first, "session"),
        only(second, "Recognize"),
    )
    assert lost.attributes["rpc.grpc.status_code"] == grpc.StatusCode.CANCELLED.value[0]
    assert not lost.failed
    assert "resumed" in session.event_names()
    assert session.links == [(second_id, resuming.span_id)]
    assert resuming.links == [(first_id, session.span_id)]
    assert session.end_ns > lost.end_ns, "the session outlived its first call"


async def lose_the_decoder(traced: Traced) -> Transcript:
    pid = traced.running.pid_of("decoder")
    killed = False

    def kill(response: speech_pb2.StreamingRecognizeResponse) -> None:
        nonlocal killed
        if response.HasField("result") and response.result.is_final and not killed:
            killed = True
            os.kill(pid, signal.SIGKILL)

    async with AmiraClient(traced.target) as client:
        transcript = await client.transcribe(CLIP, real_time_factor=8.0, on_response=kill)
    assert killed
    return transcript


@pytest.mark.slow
def test_a_stream_that_moved_tells_so(traced: Traced) -> None:
    transcript = asyncio.run(lose_the_decoder(traced))
    spans = traced.trace(transcript.session.trace_id, is_over)
    session = only(spans, "session")
    moves = [event.attributes for event in session.events if event.name == "moved"]
    [move] = [move for move in moves if move["amira.service"] == "decoder"]
    assert move["amira.cause"] == "DECODER_LOST"
    lost, *tried = named(spans, "Decoder/Decode", "amira-gateway")
    taken = tried[-1]
    assert lost.failed
    assert not taken.failed
    assert not session.failed
    # What the killed one had not sent is lost with it; the other begins by warming up.
    [serving] = [
        span for span in named(spans, "Decoder/Decode", "amira-decoder") if span.parent_id == taken.span_id
    ]
    inside = [
        span.name for span in sorted(spans, key=lambda s: s.start_ns) if span.parent_id == serving.span_id
    ]
    assert "segment" in inside
    assert "moved" in str(session.attributes["amira.kept"])
