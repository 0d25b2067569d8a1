"""Google's own client package, unmodified, against the gateway, with real speech: v1, v1p1beta1 and v2."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import speech_v1, speech_v1p1beta1, speech_v2
from google.cloud.speech_v1.services.speech.transports import SpeechGrpcTransport as TransportV1
from google.cloud.speech_v1p1beta1.services.speech.transports import SpeechGrpcTransport as TransportBeta
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcTransport as TransportV2

from tests.gateway.adapters.foreign import (
    RATE_HZ,
    Foreign,
    beside_noise,
    clip,
    silence,
    telephone,
    write_flac,
    write_opus,
    write_wav,
)

RECOGNIZER = "projects/any/locations/global/recognizers/_"


@pytest.fixture
def v1(foreign: Foreign) -> Iterator[speech_v1.SpeechClient]:
    with grpc.insecure_channel(foreign.open) as channel:
        yield speech_v1.SpeechClient(transport=TransportV1(channel=channel))


@pytest.fixture
def v2(foreign: Foreign) -> Iterator[speech_v2.SpeechClient]:
    with grpc.insecure_channel(foreign.open) as channel:
        yield speech_v2.SpeechClient(transport=TransportV2(channel=channel))


def config_v1(module: ModuleType = speech_v1, **fields: Any) -> Any:
    settings = {"encoding": "LINEAR16", "sample_rate_hertz": RATE_HZ, "language_code": "en-US"}
    return module.RecognitionConfig(settings | fields)


def config_v2(features: dict[str, Any] | None = None, **fields: Any) -> speech_v2.RecognitionConfig:
    settings: dict[str, Any] = {"language_codes": ["en-US"], "model": "long", "features": features or {}}
    if "auto_decoding_config" not in fields:
        settings["explicit_decoding_config"] = {"encoding": "LINEAR16", "sample_rate_hertz": RATE_HZ}
    return speech_v2.RecognitionConfig(settings | fields)


def pieces(sound: bytes, size: int = 3_201) -> Iterator[bytes]:
    return (sound[at : at + size] for at in range(0, len(sound), size))


def stream_v1(
    client: Any, config: Any, sound: Iterable[bytes], module: ModuleType = speech_v1, **fields: Any
) -> list[Any]:
    streaming = module.StreamingRecognitionConfig(config=config, **fields)
    requests = (module.StreamingRecognizeRequest(audio_content=piece) for piece in sound)
    return list(client.streaming_recognize(streaming, requests))


def stream_v2(
    client: speech_v2.SpeechClient,
    config: speech_v2.RecognitionConfig,
    sound: Iterable[bytes],
    recognizer: str = RECOGNIZER,
    **features: Any,
) -> list[Any]:
    streaming = speech_v2.StreamingRecognitionConfig(config=config, streaming_features=features)

    def requests() -> Iterator[speech_v2.StreamingRecognizeRequest]:
        yield speech_v2.StreamingRecognizeRequest(recognizer=recognizer, streaming_config=streaming)
        for piece in sound:
            yield speech_v2.StreamingRecognizeRequest(audio=piece)

    return list(client.streaming_recognize(requests()))


def finals(responses: Iterable[Any]) -> list[Any]:
    return [result for response in responses for result in response.results if result.is_final]


def events(responses: Iterable[Any]) -> list[str]:
    return [response.speech_event_type.name for response in responses if response.speech_event_type]


def joined(results: Iterable[Any]) -> str:
    """As Google's samples do: as they are."""
    return "".join(result.alternatives[0].transcript for result in results)


def test_v1_streams(foreign: Foreign, v1: speech_v1.SpeechClient) -> None:
    sound = clip() + silence(2.0) + clip(3.0)
    responses = stream_v1(
        v1,
        config_v1(enable_word_time_offsets=True, model="latest_long", max_alternatives=3),
        pieces(sound),
        interim_results=True,
        enable_voice_activity_events=True,
    )
    expected = foreign.words(sound)
    assert len(expected) == 2
    assert joined(finals(responses)) == " ".join(expected)
    assert len({response.request_id for response in responses}) == 1
    assert responses[0].request_id > 0
    two_parts = [response.results for response in responses if len(response.results) == 2]
    for settled, rest in two_parts:
        assert settled.stability == pytest.approx(0.9)
        assert 0 < rest.stability < settled.stability
        assert rest.alternatives[0].transcript.startswith(" ")
    first_final = responses.index(next(response for response in responses if finals([response])))
    assert joined(responses[first_final - 2].results) == expected[0]
    assert events(responses) == ["SPEECH_ACTIVITY_BEGIN", "SPEECH_ACTIVITY_END"] * 2
    first = finals(responses)[0]
    words = first.alternatives[0].words
    assert " ".join(word.word for word in words) == expected[0]
    assert words[-1].end_time == first.result_end_time == responses[first_final - 1].speech_event_time
    assert all(word.start_time < word.end_time for word in words)
    assert words[0].confidence == 0
    assert 0 < first.alternatives[0].confidence < 1
    assert len(first.alternatives) == 3
    assert first.language_code == "en-US"


def test_v1_recognizes(foreign: Foreign, v1: speech_v1.SpeechClient, tmp_path: Path) -> None:
    sound = clip()
    (expected,) = foreign.words(sound)
    flac = write_flac(tmp_path / "a.flac", sound).read_bytes()
    wav = write_wav(tmp_path / "a.wav", sound).read_bytes()
    for config, audio in [
        (config_v1(enable_word_confidence=True), sound),
        (config_v1(sample_rate_hertz=0, encoding="ENCODING_UNSPECIFIED"), flac),
        (config_v1(), wav),
    ]:
        response = v1.recognize(config=config, audio={"content": audio})
        assert joined(response.results) == expected
        words = response.results[0].alternatives[0].words
        assert bool(words) == config.enable_word_confidence
        assert all(0 < word.confidence <= 1 and not word.end_time for word in words)
        assert 4 < response.results[0].result_end_time.total_seconds() < 6
        assert response.request_id > 0


def test_v1_opus_and_two_channels(foreign: Foreign, v1: speech_v1.SpeechClient, tmp_path: Path) -> None:
    opus = write_opus(tmp_path / "a.ogg", clip()).read_bytes()
    for config in (config_v1(encoding="OGG_OPUS"), config_v1(encoding="ENCODING_UNSPECIFIED")):
        response = v1.recognize(config=config, audio={"content": opus})
        assert "rather cold hearted and rather" in joined(response.results)
        assert response.results[0].channel_tag == 0
    config = config_v1(audio_channel_count=2)
    response = v1.recognize(config=config, audio={"content": beside_noise(clip())})
    assert joined(response.results) == foreign.words(clip())[0]
    assert response.results[0].channel_tag == 1


def test_v1p1beta1(foreign: Foreign) -> None:
    with grpc.insecure_channel(foreign.open) as channel:
        client = speech_v1p1beta1.SpeechClient(transport=TransportBeta(channel=channel))
        config = config_v1(speech_v1p1beta1, diarization_speaker_count=2)
        answer = client.recognize(config=config, audio={"content": clip(3.0)})
        assert [joined(answer.results)] == foreign.words(clip(3.0))
        streamed = stream_v1(client, config, pieces(clip(3.0)), speech_v1p1beta1)
        assert joined(finals(streamed)) == joined(answer.results)


def test_v1_telephone_audio(v1: speech_v1.SpeechClient) -> None:
    config = config_v1(encoding="MULAW", sample_rate_hertz=8_000)
    response = v1.recognize(config=config, audio={"content": telephone(clip())})
    assert "rather cold hearted and rather" in joined(response.results)


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


def test_v2_streams(foreign: Foreign, v2: speech_v2.SpeechClient, tmp_path: Path) -> None:
    sound = clip(5.4) + silence(0.2) + clip(3.0)
    wav = write_wav(tmp_path / "a.wav", sound).read_bytes()
    config = config_v2({"enable_word_time_offsets": True}, auto_decoding_config={})
    whole = stream_v2(v2, config, pieces(wav), interim_results=True)
    assert joined(finals(whole)) == " ".join(foreign.words(sound))
    assert len(finals(whole)) == 1
    assert any(len(response.results) == 2 for response in whole)
    assert len({response.metadata.request_id for response in whole}) == 1
    assert len(whole[0].metadata.request_id) == 32
    words = finals(whole)[0].alternatives[0].words
    assert words[-1].end_offset == finals(whole)[0].result_end_offset
    cut = stream_v2(v2, config, pieces(wav), endpointing_sensitivity="ENDPOINTING_SENSITIVITY_SUPERSHORT")
    assert len(finals(cut)) > 1
    assert all(response.results for response in cut)


def test_v2_recognizes(foreign: Foreign, v2: speech_v2.SpeechClient, tmp_path: Path) -> None:
    (expected,) = foreign.words(clip())
    flac = write_flac(tmp_path / "a.flac", clip()).read_bytes()
    cases: list[tuple[speech_v2.RecognitionConfig, bytes, str]] = [
        (config_v2({"max_alternatives": 2}), clip(), RECOGNIZER),
        (config_v2(auto_decoding_config={}), flac, RECOGNIZER.replace("_", "starter-en")),
    ]
    for config, audio, recognizer in cases:
        response = v2.recognize(recognizer=recognizer, config=config, content=audio)
        assert joined(response.results) == expected
        assert len(response.metadata.request_id) == 32
        assert not response.results[0].alternatives[0].words


def test_phrases_are_favoured(v1: speech_v1.SpeechClient, v2: speech_v2.SpeechClient) -> None:
    class_v1 = {"custom_class_id": "how", "items": [{"value": "banana"}, {"value": "selfish"}]}
    phrases_v1: list[dict[str, Any]] = [
        {"speech_contexts": [{"phrases": ["rather selfish"], "boost": 5.0}]},
        {"adaptation": {"phrase_sets": [{"phrases": [{"value": "rather selfish", "boost": 5}]}]}},
        {
            "adaptation": {
                "phrase_sets": [{"phrases": [{"value": "rather ${how}"}], "boost": 5}],
                "custom_classes": [class_v1],
            }
        },
    ]
    for fields in phrases_v1:
        response = v1.recognize(config=config_v1(**fields), audio={"content": clip()})
        assert "rather selfish" in joined(response.results)
    inline = {"phrases": [{"value": "rather ${projects/p/locations/l/customClasses/how}", "boost": 5}]}
    class_v2 = {"name": "projects/p/locations/l/customClasses/how", "items": [{"value": "selfish"}]}
    adaptation = {"phrase_sets": [{"inline_phrase_set": inline}], "custom_classes": [class_v2]}
    said = v2.recognize(recognizer=RECOGNIZER, config=config_v2(adaptation=adaptation), content=clip())
    assert "rather selfish" in joined(said.results)


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


def test_timeouts_need_audio_of_known_length(v1: speech_v1.SpeechClient, tmp_path: Path) -> None:
    flac = write_flac(tmp_path / "a.flac", silence(1.0)).read_bytes()
    timeout = {"speech_start_timeout": "2s"}
    with pytest.raises(exceptions.InvalidArgument, match="needs LINEAR16, MULAW or ALAW"):
        stream_v1(v1, config_v1(encoding="FLAC"), [flac], voice_activity_timeout=timeout)
    with pytest.raises(exceptions.InvalidArgument, match="speech_start_timeout is 90 s"):
        stream_v1(v1, config_v1(), [], voice_activity_timeout={"speech_start_timeout": "90s"})


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


WITH_A_KEY = f"""
import sys
from google.cloud import speech_v2
client = speech_v2.SpeechClient(client_options={{"api_endpoint": sys.argv[1], "api_key": sys.argv[2]}})
config = speech_v2.RecognitionConfig(auto_decoding_config={{}}, language_codes=["en-US"], model="long")
print(client.recognize(recognizer="{RECOGNIZER}", config=config, content=sys.stdin.buffer.read()).results)
first = speech_v2.StreamingRecognizeRequest(recognizer="{RECOGNIZER}", streaming_config={{"config": config}})
print(list(client.streaming_recognize(iter([first]))))
try:
    client.batch_recognize(recognizer="{RECOGNIZER}")
except Exception as error:
    print(type(error).__name__)
"""


def test_keys_and_an_endpoint_as_options(foreign: Foreign, key: str, tmp_path: Path) -> None:
    """In a process of its own: grpc reads its roots but once."""

    def run(key: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", WITH_A_KEY, foreign.keyed.replace("127.0.0.1", "localhost"), key],
            input=write_wav(tmp_path / "a.wav", silence(0.5)).read_bytes(),
            env={**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(foreign.ca)},
            capture_output=True,
            check=False,
            timeout=120,
        )

    good = run(key)
    assert good.stdout.decode().split() == ["[]", "[]", "MethodNotImplemented"], good.stderr.decode()[-2000:]
    assert b"Unauthenticated: 401" in run("wrong").stderr


def test_keys_as_metadata(foreign: Foreign, key: str) -> None:
    request = speech_v2.RecognizeRequest(recognizer=RECOGNIZER, config=config_v2(), content=silence(0.5))
    credentials = grpc.ssl_channel_credentials(foreign.ca.read_bytes())
    with grpc.secure_channel(foreign.keyed, credentials) as channel:
        client = speech_v2.SpeechClient(transport=TransportV2(channel=channel))
        with pytest.raises(exceptions.Unauthenticated):
            client.recognize(request)
        assert not client.recognize(request, metadata=[("authorization", f"Bearer {key}")]).results
        assert not client.recognize(request, metadata=[("x-api-key", key)]).results
