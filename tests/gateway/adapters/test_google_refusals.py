"""Google's own client package: what is refused, what is not served, and what is ignored and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import speech_v1, speech_v2

from tests.gateway.adapters.foreign import (
    Foreign,
    silence,
    write_wav,
)
from tests.gateway.adapters.google_clients import (
    RECOGNIZER,
    config_v1,
    config_v2,
    stream_v1,
    stream_v2,
)

BAD_V1: list[tuple[dict[str, Any], str]] = [
    ({"encoding": "MP3"}, "encoding MP3 is not supported"),
    ({"encoding": "ENCODING_UNSPECIFIED"}, "no header of WAV, FLAC or Ogg-Opus"),
    ({"sample_rate_hertz": 0}, "sample_rate_hertz is missing"),
    ({"sample_rate_hertz": 96_000}, "96000: it must be 8000 to 48000"),
    ({"audio_channel_count": 9}, "audio_channel_count is 9"),
    ({"language_code": "xx"}, "language_code is 'xx': this server has en"),
    ({"max_alternatives": 31}, "max_alternatives is 31"),
    ({"diarization_config": {"enable_speaker_diarization": True}}, "enable_speaker_diarization is not supp"),
    ({"adaptation": {"phrase_set_references": ["a"]}}, "adaptation.phrase_set_references is not supported"),
    ({"adaptation": {"abnf_grammar": {"abnf_strings": ["a"]}}}, "abnf_grammar is not supported"),
    ({"speech_contexts": [{"phrases": ["a"], "boost": -1}]}, "must not be negative"),
    ({"speech_contexts": [{"phrases": ["a"] * 300}]}, "300 hotwords; at most 200 are allowed"),
    (
        {"enable_separate_recognition_per_channel": True, "audio_channel_count": 2},
        "open a stream for each channel",
    ),
]


@pytest.mark.parametrize(("fields", "said"), BAD_V1, ids=lambda case: str(case)[:30])
def test_bad_requests_of_v1(v1: speech_v1.SpeechClient, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=said):
        v1.recognize(config=config_v1(**fields), audio={"content": silence(0.5)})
    with pytest.raises(exceptions.InvalidArgument, match=said):
        stream_v1(v1, config_v1(**fields), [silence(0.5)])


@pytest.mark.parametrize(
    ("fields", "recognizer", "error", "said"),
    [
        ({}, "recognizers/_", exceptions.InvalidArgument, "projects/PROJECT/locations"),
        ({}, "", exceptions.InvalidArgument, "recognizer is ''"),
        ({}, RECOGNIZER.replace("_", "mine"), exceptions.NotFound, "no recognizer 'mine'"),
        ({"auto_decoding_config": {}}, RECOGNIZER, exceptions.InvalidArgument, "no header of WAV, FLAC"),
        (
            {"explicit_decoding_config": {"encoding": "MP4_AAC"}},
            RECOGNIZER,
            exceptions.InvalidArgument,
            "encoding MP4_AAC",
        ),
        ({"explicit_decoding_config": None}, RECOGNIZER, exceptions.InvalidArgument, "no decoding_config"),
        ({"language_codes": ["fr"]}, RECOGNIZER, exceptions.InvalidArgument, "this server has en"),
        (
            {"translation_config": {"target_language": "de"}},
            RECOGNIZER,
            exceptions.InvalidArgument,
            "translation_config is not supported",
        ),
        ({"features": {"diarization_config": {}}}, RECOGNIZER, exceptions.InvalidArgument, "diarization"),
        (
            {"adaptation": {"phrase_sets": [{"phrase_set": "projects/p"}]}},
            RECOGNIZER,
            exceptions.InvalidArgument,
            r"phrase_sets\[0\].phrase_set is not supported",
        ),
    ],
    ids=lambda case: str(case)[:20],
)  # fmt: skip
def test_bad_requests_of_v2(
    v2: speech_v2.SpeechClient, fields: dict[str, Any], recognizer: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        v2.recognize(recognizer=recognizer, config=config_v2(**fields), content=silence(0.5))
    with pytest.raises(error, match=said):
        stream_v2(v2, config_v2(**fields), [silence(0.5)], recognizer)


def test_audio_that_is_not_what_it_says(v1: speech_v1.SpeechClient, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", silence(0.5)).read_bytes()
    with pytest.raises(exceptions.InvalidArgument, match="16000"):
        v1.recognize(config=config_v1(sample_rate_hertz=8_000), audio={"content": wav})
    with pytest.raises(exceptions.InvalidArgument, match="FLAC"):
        v1.recognize(config=config_v1(encoding="FLAC"), audio={"content": b"no flac" * 100})


def test_audio_from_elsewhere_is_not_fetched(v1: speech_v1.SpeechClient, v2: speech_v2.SpeechClient) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=r"audio\.uri is not supported"):
        v1.recognize(config=config_v1(), audio={"uri": "gs://bucket/a.wav"})
    with pytest.raises(exceptions.InvalidArgument, match="uri is not supported"):
        v2.recognize(recognizer=RECOGNIZER, config=config_v2(), uri="gs://bucket/a.wav")


def test_methods_that_are_not_served(v1: speech_v1.SpeechClient, v2: speech_v2.SpeechClient) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="StreamingRecognize takes audio of any length"):
        v1.long_running_recognize(config=config_v1(), audio={"content": b""})
    with pytest.raises(exceptions.MethodNotImplemented, match="StreamingRecognize takes audio of any length"):
        v2.batch_recognize(recognizer=RECOGNIZER)
    with pytest.raises(exceptions.MethodNotImplemented):
        v2.get_recognizer(name=RECOGNIZER)


def test_messages_out_of_order(v2: speech_v2.SpeechClient) -> None:
    first = speech_v2.StreamingRecognizeRequest(
        recognizer=RECOGNIZER, streaming_config={"config": config_v2()}
    )
    audio = speech_v2.StreamingRecognizeRequest(audio=silence(0.5))
    for requests, said in [
        ([audio], "first message must have streaming_config"),
        ([first, audio, first], "A second streaming_config"),
        ([first, speech_v2.StreamingRecognizeRequest()], "without audio"),
    ]:
        with pytest.raises(exceptions.InvalidArgument, match=said):
            list(v2.streaming_recognize(iter(requests)))
    assert list(v2.streaming_recognize(iter([first]))) == []


def test_what_has_no_effect_is_named(foreign: Foreign) -> None:
    with grpc.insecure_channel(foreign.open) as channel:
        method = channel.unary_unary(
            "/google.cloud.speech.v2.Speech/Recognize",
            # behind it a field that is not known here, as a newer client may have: number 99
            request_serializer=lambda request: (
                speech_v2.RecognizeRequest.serialize(request) + b"\x98\x06\x01"
            ),
        )
        features = {"profanity_filter": True, "enable_automatic_punctuation": True}
        config = config_v2(features, language_codes=["en-US", "de-DE"], model="chirp_2")
        phrases = {"phrases": [{"value": "in $MONTH"}, {"value": "fine"}]}
        config.adaptation = {"phrase_sets": [{"inline_phrase_set": phrases}]}
        request = speech_v2.RecognizeRequest(
            recognizer=RECOGNIZER, config=config, config_mask="*", content=silence(0.5)
        )
        _, call = method.with_call(request)
    told = dict(call.initial_metadata())["amira-ignored"]
    assert told.split(", ") == [
        "#99",
        "config.features.profanity_filter",
        "config.features.enable_automatic_punctuation",
        "config_mask",
        "adaptation.phrase_sets[0].inline_phrase_set.phrases[0]",
        "config.model",
        "config.language_codes[1]",
    ]
