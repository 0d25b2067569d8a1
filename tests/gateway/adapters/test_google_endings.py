"""Google's own client package: streams that end by themselves, and streams that are given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import speech_v1, speech_v2

from tests.gateway.adapters.foreign import (
    Foreign,
    clip,
    silence,
    write_flac,
)
from tests.gateway.adapters.google_clients import (
    RECOGNIZER,
    config_v1,
    config_v2,
    events,
    finals,
    joined,
    pieces,
    stream_v1,
    stream_v2,
)


def test_single_utterance_ends_with_the_first_segment(foreign: Foreign, v1: speech_v1.SpeechClient) -> None:
    over = threading.Event()

    def talk() -> Iterator[bytes]:
        yield from pieces(clip(5.4) + silence(3.0) + clip(3.0))
        over.wait(60)  # the client does not half-close

    responses = stream_v1(v1, config_v1(), talk(), single_utterance=True)
    over.set()
    assert events(responses) == ["END_OF_SINGLE_UTTERANCE"]
    assert [bool(response.results) for response in responses] == [False, True]
    assert joined(finals(responses)) == foreign.words(clip(5.4) + silence(3.0))[0]
    foreign.freed()


def test_a_stream_ends_where_nobody_begins_to_speak(foreign: Foreign, v1: speech_v1.SpeechClient) -> None:
    over = threading.Event()

    def quiet() -> Iterator[bytes]:
        yield from pieces(silence(6.0))
        over.wait(60)

    timeout = {"speech_start_timeout": "2.5s"}
    responses = stream_v1(
        v1, config_v1(), quiet(), enable_voice_activity_events=True, voice_activity_timeout=timeout
    )
    over.set()
    assert events(responses) == ["SPEECH_ACTIVITY_TIMEOUT"]
    assert responses[0].speech_event_time.total_seconds() == 2.5
    foreign.freed()


def test_a_stream_ends_where_nobody_goes_on_speaking(foreign: Foreign, v2: speech_v2.SpeechClient) -> None:
    over = threading.Event()

    def talk() -> Iterator[bytes]:
        yield from pieces(clip(3.0) + silence(6.0))
        over.wait(60)

    responses = stream_v2(
        v2,
        config_v2(),
        talk(),
        enable_voice_activity_events=True,
        voice_activity_timeout={"speech_start_timeout": "1.5s", "speech_end_timeout": "2s"},
    )
    over.set()
    assert events(responses) == ["SPEECH_ACTIVITY_BEGIN", "SPEECH_ACTIVITY_END"]
    assert joined(finals(responses)) == foreign.words(clip(3.0) + silence(6.0))[0]
    foreign.freed()


def test_timeouts_need_audio_of_known_length(v1: speech_v1.SpeechClient, tmp_path: Path) -> None:
    flac = write_flac(tmp_path / "a.flac", silence(1.0)).read_bytes()
    timeout = {"speech_start_timeout": "2s"}
    with pytest.raises(exceptions.InvalidArgument, match="needs LINEAR16, MULAW or ALAW"):
        stream_v1(v1, config_v1(encoding="FLAC"), [flac], voice_activity_timeout=timeout)
    with pytest.raises(exceptions.InvalidArgument, match="speech_start_timeout is 90 s"):
        stream_v1(v1, config_v1(), [], voice_activity_timeout={"speech_start_timeout": "90s"})


def test_a_cancelled_stream_frees_its_place(foreign: Foreign, v2: speech_v2.SpeechClient) -> None:
    over = threading.Event()

    def requests() -> Iterator[speech_v2.StreamingRecognizeRequest]:
        streaming = {"config": config_v2(), "streaming_features": {"enable_voice_activity_events": True}}
        yield speech_v2.StreamingRecognizeRequest(recognizer=RECOGNIZER, streaming_config=streaming)
        yield speech_v2.StreamingRecognizeRequest(audio=clip(3.0))
        over.wait(60)

    call = v2.streaming_recognize(requests())
    assert events([next(call)]) == ["SPEECH_ACTIVITY_BEGIN"]
    call.cancel()
    over.set()
    foreign.freed()
