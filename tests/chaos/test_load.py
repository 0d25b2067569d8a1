"""Streams against a real gRPC server with scripted behaviour."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_local.ports import LOOPBACK, free_ports
from chaos import load
from chaos.load import HUNG, play, play_all
from chaos.scripts import Script, Step
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, result, session

CONFIG = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000, interim_results=True
)
STEPS = [Step(0.1, b"1234"), Step(0.2, mark="a"), Step(0.3, b"56"), Step(0.35, flush=True), Step(0.4, b"78")]
SCRIPT = Script("0 pcm", CONFIG, STEPS)


async def test_all_that_is_said_is_sent_in_order_and_all_answers_are_kept() -> None:
    async with ScriptedSpeech() as server:
        recording = await play(SCRIPT, [server.target])
        assert server.audio == b"12345678"
        sent = [request.WhichOneof("request") for request in server.requests]
    assert sent == ["config", "audio", "control", "audio", "control", "audio", "control"]
    assert recording.failure is None
    assert recording.sessions == ["s-1"]
    assert recording.marks == ["a"]
    assert recording.text == "6 bytes 8 bytes"
    assert [final.segment_id for final in recording.finals] == [0, 1]
    assert len(recording.results) == 5
    times = [said.at_s for said in recording.said]
    assert times == sorted(times)


async def test_audio_is_not_sent_before_it_is_due() -> None:
    async with ScriptedSpeech() as server:
        recording = await play(SCRIPT, [server.target])
    interims = [at_s for at_s, result in recording.results if not result.is_final]
    assert len(interims) == 3
    for at_s, due_s in zip(interims, (0.1, 0.3, 0.4), strict=True):
        assert at_s >= due_s


async def test_streams_are_spread_over_the_gateways() -> None:
    async with ScriptedSpeech() as one, ScriptedSpeech() as other:
        recordings = await play_all([SCRIPT, SCRIPT, SCRIPT], [one.target, other.target])
        assert [len(server.audio) for server in (one, other)] == [16, 8]
    assert [recording.failure for recording in recordings] == [None] * 3


async def test_a_failure_is_kept_with_what_came_before_it() -> None:
    async def break_off(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        async for request in requests:
            if request.HasField("audio"):
                yield result("he was", final=False)
                raise errors.DecoderLostError("The decoder is gone.")

    async with ScriptedSpeech(break_off) as server:
        recording = await play(SCRIPT, [server.target])
    assert recording.failure is not None
    assert (recording.failure.status, recording.failure.reason) == ("UNAVAILABLE", "DECODER_LOST")
    assert [result.alternatives[0].text for _, result in recording.results] == ["he was"]
    assert "UNAVAILABLE DECODER_LOST after 0." in str(recording.failure)


async def test_nobody_at_the_target_is_a_failure_of_the_stream() -> None:
    recording = await play(SCRIPT, [f"{LOOPBACK}:{free_ports(1)[0]}"])
    assert recording.failure is not None
    assert recording.failure.status == "UNAVAILABLE"
    assert not recording.said


async def test_a_stream_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def say_nothing(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        async for _ in requests:
            pass
        await asyncio.Event().wait()

    monkeypatch.setattr(load, "_PATIENCE_S", 0.3)
    async with ScriptedSpeech(say_nothing) as server:
        recording = await play(SCRIPT, [server.target])
    assert recording.failure is not None
    assert recording.failure.status == HUNG
    assert recording.sessions == ["s-1"]


async def test_a_stream_that_begins_later_tells_the_time_of_the_run() -> None:
    async with ScriptedSpeech() as server:
        recording = await play(replace(SCRIPT, begins_s=0.5), [server.target])
    interims = [at_s for at_s, result in recording.results if not result.is_final]
    for at_s, due_s in zip(interims, (0.6, 0.8, 0.9), strict=True):
        assert at_s >= due_s
