"""Streams that are not sampled: all services export those that were notable, and none of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient
from amira_core.rpc.call import DuplexCall
from amira_local.options import StackOptions
from tests.stack.raw import CLIP, audio, clip_pcm, config, pieces, speech_stub
from tests.stack.test_traces import Spans, Traced, named, only
from tests.support.otlp import collecting
from tests.support.stack import StackThread

pytestmark = pytest.mark.slow

MESSAGE_BYTES = 3200
MESSAGE_S = 0.1


@pytest.fixture(scope="module")
def unsampled() -> Iterator[Traced]:
    """A stack that samples nothing, to whom any result of live audio is late."""
    with collecting() as collector:
        environment = {
            **collector.environment,
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",
            "AMIRA_TRACE_SLOW_MS": "1",
        }
        options = StackOptions(ephemeral_ports=True, encoder="in_process", search="greedy", env=environment)
        with StackThread(options) as running:
            yield Traced(running, collector)


def is_whole(spans: Spans) -> bool:
    """Whether all three services have sent the spans of their calls."""
    return all(
        named(spans, name, service)
        for name, service in (
            ("StreamingRecognize", "amira-gateway"),
            ("Extract", "amira-frontend"),
            ("Decode", "amira-decoder"),
        )
    )


async def speak_live(target: str) -> str:
    """Streams some seconds at the speed of speech; the trace's id."""
    config = config_pb2.RecognitionConfig(
        encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000, interim_results=True
    )
    pcm = clip_pcm(4.0)
    async with AmiraClient(target) as client, client.stream(config) as stream:
        for begin in range(0, len(pcm), MESSAGE_BYTES):
            await stream.send(pcm[begin : begin + MESSAGE_BYTES])
            await asyncio.sleep(MESSAGE_S)
        await stream.end()
        async for _ in stream:
            pass
        assert stream.session is not None
        return stream.session.trace_id


async def transcribe(target: str) -> str:
    """Sends a recording as fast as it goes; the trace's id."""
    async with AmiraClient(target) as client:
        return (await client.transcribe(CLIP)).session.trace_id


def test_a_slow_stream_is_exported_by_all_services_and_an_ordinary_one_by_none(unsampled: Traced) -> None:
    # The results of a recording wait for one another, which does not make the server slow.
    ordinary = asyncio.run(transcribe(unsampled.target))
    slow = asyncio.run(speak_live(unsampled.target))
    spans = unsampled.trace(slow, is_whole)
    assert only(spans, "session").attributes["amira.kept"] == "slow"
    assert "slow" in only(spans, "session").event_names()
    assert ordinary, "its id is told all the same: logs have it, too"
    assert not unsampled.backend.wait_for(ordinary, bool, timeout_s=0)


async def fail_after_a_final(target: str) -> str:
    """A stream whose audio leaves a gap once its first segment is over; the trace's id."""
    async with speech_stub(target) as stub:
        call = DuplexCall(stub.StreamingRecognize())
        for request in (config(), *pieces(clip_pcm(12.0))):
            assert await call.write(request)
        trace_id, over = "", False
        while not over:
            response = await call.read()
            assert response is not None
            trace_id = response.session.trace_id or trace_id
            over = response.HasField("result") and response.result.is_final
        await call.write(audio(clip_pcm(0.5), offset=10**6))
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await _to_its_end(call)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    return trace_id


async def _to_its_end(call: DuplexCall[Any, Any]) -> None:
    while await call.read() is not None:
        pass


def test_what_was_held_of_a_stream_that_fails_late_is_exported(unsampled: Traced) -> None:
    trace_id = asyncio.run(fail_after_a_final(unsampled.target))
    spans = unsampled.trace(trace_id, is_whole)
    assert only(spans, "session").attributes["amira.kept"] == "failed"
    first = named(spans, "segment")[0]
    assert first.attributes["amira.segment_id"] == 0
    assert first.attributes["amira.ended_by"] == "endpoint"
    assert only(spans, "Extract", "amira-frontend").attributes["amira.frames"]
