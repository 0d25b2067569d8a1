"""NVIDIA's own client package, unmodified, against the gateway, with real speech."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import riva.client
from riva.client.proto import riva_asr_pb2, riva_common_pb2

from amira_gateway.access.identity import Scope
from tests.gateway.access.door import add_key
from tests.gateway.adapters.foreign import RATE_HZ, Foreign, clip, silence, telephone, write_flac, write_wav


@pytest.fixture
def asr(foreign: Foreign) -> Iterator[riva.client.ASRService]:
    auth = riva.client.Auth(uri=foreign.open)
    yield riva.client.ASRService(auth)
    auth.channel.close()


def streaming(**fields: Any) -> riva.client.StreamingRecognitionConfig:
    """As Riva's scripts have it: nothing is said of the audio."""
    config = riva.client.RecognitionConfig(language_code="en-US", max_alternatives=1, **fields)
    return riva.client.StreamingRecognitionConfig(config=config, interim_results=True)


def raw(**fields: Any) -> riva.client.StreamingRecognitionConfig:
    """For LINEAR16 without a header."""
    return streaming(
        encoding=riva.client.AudioEncoding.LINEAR_PCM,
        sample_rate_hertz=RATE_HZ,
        audio_channel_count=1,
        **fields,
    )


def pieces(sound: bytes, size: int = 3_201) -> Iterator[bytes]:
    """Cut where it is awkward: in the middle of samples."""
    return (sound[at : at + size] for at in range(0, len(sound), size))


def finals(responses: Iterable[Any]) -> list[Any]:
    return [result for response in responses for result in response.results if result.is_final]


def texts(results: Iterable[Any]) -> list[str]:
    return [result.alternatives[0].transcript for result in results]


def as_riva(words: list[str]) -> list[str]:
    return [f"{text} " for text in words]


def refusal(asr: riva.client.ASRService, config: Any, audio: Iterable[bytes] = (b"",)) -> Any:
    with pytest.raises(grpc.RpcError) as failure:
        list(asr.streaming_response_generator(audio, config))
    return failure.value


def test_a_file_is_transcribed_as_by_transcribe_file_py(
    foreign: Foreign, asr: riva.client.ASRService, tmp_path: Path
) -> None:
    sound = clip() + silence(2.0) + clip(4.0)
    expected = foreign.words(sound)
    assert len(expected) == 2
    assert "rather cold hearted and rather" in expected[0]
    config = streaming(enable_word_time_offsets=True)
    for number, mode in enumerate(("no", "confidence", "time")):
        said = io.StringIO()
        with riva.client.AudioChunkFileIterator(write_wav(tmp_path / f"{number}.wav", sound), 1600) as audio:
            riva.client.print_streaming(
                asr.streaming_response_generator(audio, config),
                said,
                additional_info=mode,
                word_time_offsets=mode == "time",
                show_intermediate=mode == "no",
            )
        lines = said.getvalue().splitlines()
        if mode == "time":
            assert [
                line.partition("Transcript 0: ")[2] for line in lines if "Transcript 0" in line
            ] == as_riva(expected)
            table = [line.split() for line in lines if re.fullmatch(r"[a-z']+ +\d+ +\d+ +[01]\.\d+ *", line)]
            assert " ".join(row[0] for row in table) == " ".join(expected)
            assert all(int(row[1]) < int(row[2]) for row in table)
        else:
            found = re.findall(r"## ([a-z' ]+?) *$", said.getvalue(), re.MULTILINE)
            assert found == expected
        if mode == "no":
            assert ">> unless to be " in said.getvalue()
        if mode == "confidence":
            assert "Stability:    0.9000" in lines
            assert sum(line.startswith("Confidence:    0.") for line in lines) == 2


def test_interim_parts_are_put_together_to_what_is_said_so_far(
    foreign: Foreign, asr: riva.client.ASRService
) -> None:
    (expected,) = foreign.words(clip())
    responses = list(asr.streaming_response_generator(pieces(clip()), raw()))
    interims = [response for response in responses if not response.results[0].is_final]
    two_parts = [response for response in interims if len(response.results) == 2]
    assert two_parts
    for response in two_parts:
        settled, rest = response.results
        assert settled.stability == pytest.approx(0.9)
        assert rest.stability < settled.stability
        assert settled.alternatives[0].transcript.endswith(" ")
    last = "".join(texts(interims[-1].results))
    assert last == f"{expected} "
    assert [result.stability for result in finals(responses)] == [1.0]
    progress = [response.results[0].audio_processed for response in responses]
    assert progress == sorted(progress)
    assert progress[-1] == pytest.approx(6.0, abs=0.02)


@pytest.mark.parametrize("form", ["wav", "flac", "raw"])
def test_a_recording_is_recognized_in_one_call(
    foreign: Foreign, asr: riva.client.ASRService, tmp_path: Path, form: str
) -> None:
    sound = clip() + silence(2.0) + clip(4.0)
    config = (raw if form == "raw" else streaming)(enable_word_time_offsets=True).config
    config.max_alternatives = 30
    audio = sound
    if form == "wav":
        audio = write_wav(tmp_path / "a.wav", sound).read_bytes()
    elif form == "flac":
        audio = write_flac(tmp_path / "a.flac", sound).read_bytes()
    response = asr.offline_recognize(audio, config, future=True).result()
    assert texts(response.results) == as_riva(foreign.words(sound))
    first = response.results[0]
    assert 1 < len(first.alternatives) <= 10
    assert " ".join(word.word for word in first.alternatives[0].words) + " " == texts([first])[0]
    assert not first.alternatives[1].words
    assert first.alternatives[0].language_code == ["en-US"]


def test_telephone_audio(foreign: Foreign, asr: riva.client.ASRService) -> None:
    config = streaming(encoding=riva.client.AudioEncoding.MULAW, sample_rate_hertz=8_000)
    said = finals(asr.streaming_response_generator(pieces(telephone(clip())), config))
    assert "rather cold hearted and rather" in texts(said)[0]


def test_boosted_words_are_favoured(asr: riva.client.ASRService) -> None:
    def heard(word: str, boost: float) -> str:
        config = raw().config
        riva.client.add_word_boosting_to_config(config, [word, " "], boost)
        return str(texts(asr.offline_recognize(clip(), config).results)[0])

    assert "rather selfish" in heard("rather selfish", 4.0)  # what Riva's scripts send
    assert "banana" not in heard("banana", 1000.0)


def test_stop_history_ends_utterances(asr: riva.client.ASRService) -> None:
    sound = clip(5.4) + silence(0.2) + clip(3.0)
    assert len(finals(asr.streaming_response_generator(pieces(sound), raw()))) == 1
    config = raw()
    riva.client.add_endpoint_parameters_to_config(config, 0, 0, 400, 0, 0, 0)
    assert len(finals(asr.streaming_response_generator(pieces(sound), config))) > 1


def test_what_has_no_effect_is_named(asr: riva.client.ASRService) -> None:
    config = raw(enable_automatic_punctuation=True, profanity_filter=True, verbatim_transcripts=True)
    riva.client.add_custom_configuration_to_config(config, "a:b")
    riva.client.add_endpoint_parameters_to_config(config, 200, 0.2, 800, 0, 0, 0)
    request = riva_asr_pb2.StreamingRecognizeRequest(streaming_config=config)
    call = asr.stub.StreamingRecognize(iter([request]))
    told = dict(call.initial_metadata())
    assert list(call) == []
    assert told["amira-ignored"].replace("streaming_config.config.", "").split(", ") == [
        "profanity_filter",
        "enable_automatic_punctuation",
        "custom_configuration",
        "endpointing_config.start_history",
        "endpointing_config.start_threshold",
    ]
    assert re.fullmatch(r"[0-9a-f]{32}", told["amira-session"])
    call = asr.stub.StreamingRecognize(iter([riva_asr_pb2.StreamingRecognizeRequest(streaming_config=raw())]))
    assert "amira-ignored" not in dict(call.initial_metadata())
    assert list(call) == []


def test_the_request_id_comes_back(asr: riva.client.ASRService) -> None:
    name = riva_common_pb2.RequestId(value="call 7")
    first = riva_asr_pb2.StreamingRecognizeRequest(streaming_config=raw(), id=name)
    audio = riva_asr_pb2.StreamingRecognizeRequest(audio_content=clip(3.0))
    responses = list(asr.stub.StreamingRecognize(iter([first, audio])))
    assert {response.id.value for response in responses} == {"call 7"}
    request = riva_asr_pb2.RecognizeRequest(config=raw().config, audio=clip(2.0), id=name)
    assert asr.stub.Recognize(request).id.value == "call 7"


def test_models_are_listed_as_scripts_look_for_them(asr: riva.client.ASRService) -> None:
    ask = riva_asr_pb2.RivaSpeechRecognitionConfigRequest
    listed = asr.stub.GetRivaSpeechRecognitionConfig(ask()).model_config
    assert [(each.model_name, each.parameters["type"]) for each in listed] == [
        ("starter-en", "online"),
        ("starter-en", "offline"),
    ]
    assert listed[0].parameters["language_code"] == "en"
    assert len(asr.stub.GetRivaSpeechRecognitionConfig(ask(model_name="starter-en")).model_config) == 2
    with pytest.raises(grpc.RpcError) as failure:
        asr.stub.GetRivaSpeechRecognitionConfig(ask(model_name="parakeet"))
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    config = raw(model="starter-en")
    assert finals(asr.streaming_response_generator(pieces(clip(3.0)), config))


@pytest.mark.parametrize(
    ("fields", "audio", "code", "said"),
    [
        ({}, silence(1), "INVALID_ARGUMENT", "sample_rate_hertz is missing"),
        ({"sample_rate_hertz": 4_000}, silence(1), "INVALID_ARGUMENT", "4000: it must be 8000 to 48000"),
        ({"sample_rate_hertz": 8_000}, "wav", "INVALID_ARGUMENT", "16000"),
        ({"sample_rate_hertz": 16_000, "audio_channel_count": 9}, silence(1), "INVALID_ARGUMENT", "channel"),
        ({"encoding": 2}, silence(1), "INVALID_ARGUMENT", "FLAC"),
        ({"encoding": 77}, silence(1), "INVALID_ARGUMENT", "encoding 77"),
        ({"language_code": "de-DE"}, silence(1), "INVALID_ARGUMENT", "this server has en"),
        ({"model": "parakeet"}, silence(1), "NOT_FOUND", "this server has starter-en"),
        ({"max_alternatives": -1}, silence(1), "INVALID_ARGUMENT", "max_alternatives"),
        ({"endpointing_config": {"stop_history": 70_000}}, silence(1), "INVALID_ARGUMENT", "stop_history"),
        (
            {"diarization_config": {"enable_speaker_diarization": True}},
            silence(1),
            "INVALID_ARGUMENT",
            "diarization_config.enable_speaker_diarization is not supported",
        ),
        (
            {"speech_contexts": [{"phrases": ["fine", "x" * 101]}]},
            silence(1),
            "INVALID_ARGUMENT",
            "speech_contexts[0].phrases[1] has 101 characters",
        ),
        ({"speech_contexts": [{"phrases": ["a"], "boost": float("nan")}]}, b"", "INVALID_ARGUMENT", "boost"),
        ({"speech_contexts": [{"phrases": [""] * 6_000}]}, b"", "INVALID_ARGUMENT", "fewer phrases"),
        (
            {"enable_separate_recognition_per_channel": True, "audio_channel_count": 2},
            silence(1),
            "INVALID_ARGUMENT",
            "a stream for each channel",
        ),
    ],
)  # fmt: skip
def test_bad_requests_say_what_is_wrong(
    asr: riva.client.ASRService, tmp_path: Path, fields: dict[str, Any], audio: Any, code: str, said: str
) -> None:
    sound = write_wav(tmp_path / "a.wav", silence(1)).read_bytes() if audio == "wav" else audio
    config = riva.client.StreamingRecognitionConfig(config=riva.client.RecognitionConfig(**fields))
    failure = refusal(asr, config, [sound])
    assert failure.code().name == code
    assert said in failure.details()
    with pytest.raises(grpc.RpcError) as unary:
        asr.offline_recognize(sound, config.config)
    assert unary.value.code().name == code
    assert said in unary.value.details()


def test_messages_out_of_order(asr: riva.client.ASRService) -> None:
    first = riva_asr_pb2.StreamingRecognizeRequest(streaming_config=raw())
    audio = riva_asr_pb2.StreamingRecognizeRequest(audio_content=silence(0.5))
    empty = riva_asr_pb2.StreamingRecognizeRequest()
    for requests, said in [
        ([audio], "first message must have streaming_config"),
        ([empty], "first message must have streaming_config"),
        ([first, audio, first], "A second streaming_config"),
        ([first, audio, empty], "without audio_content"),
        ([first, first], "A second streaming_config"),
    ]:
        with pytest.raises(grpc.RpcError) as failure:
            list(asr.stub.StreamingRecognize(iter(requests)))
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert said in failure.value.details()


def test_a_stream_without_audio_ends_well(asr: riva.client.ASRService) -> None:
    assert list(asr.streaming_response_generator([], raw())) == []
    assert list(asr.streaming_response_generator([], streaming())) == []
    assert list(asr.streaming_response_generator([b"\x00"], raw())) == []  # half a sample
    assert list(asr.offline_recognize(b"", raw().config).results) == []


def test_a_recording_that_is_too_long(asr: riva.client.ASRService) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        asr.offline_recognize(silence(61), raw().config)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "more than 60 s: use StreamingRecognize" in failure.value.details()


def test_a_client_that_sends_no_audio_is_told(asr: riva.client.ASRService) -> None:
    over = threading.Event()

    def requests() -> Iterator[Any]:
        yield riva_asr_pb2.StreamingRecognizeRequest(streaming_config=raw())
        over.wait(60)

    with pytest.raises(grpc.RpcError) as failure:
        list(asr.stub.StreamingRecognize(requests()))
    over.set()
    assert failure.value.code() is grpc.StatusCode.ABORTED


def test_a_cancelled_stream_frees_its_place(foreign: Foreign, asr: riva.client.ASRService) -> None:
    foreign.freed()  # by the tests before
    over = threading.Event()

    def requests() -> Iterator[Any]:
        yield riva_asr_pb2.StreamingRecognizeRequest(streaming_config=raw())
        yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=clip())
        over.wait(60)

    call = asr.stub.StreamingRecognize(requests())
    assert next(call).results
    assert len(foreign.servicer.admission) == 1
    call.cancel()
    over.set()
    foreign.freed()


def test_keys(foreign: Foreign, key: str) -> None:
    def status(*metadata: tuple[str, str]) -> str:
        # Over TLS the package sends its metadata twice.
        auth = riva.client.Auth(
            foreign.ca, uri=foreign.keyed, metadata_args=[list(each) for each in metadata]
        )
        service = riva.client.ASRService(auth)
        try:
            list(service.streaming_response_generator([silence(0.5)], raw()))
            service.offline_recognize(silence(0.5), raw().config)
        except grpc.RpcError as error:
            return str(error.code().name)
        finally:
            auth.channel.close()
        return "OK"

    assert status() == "UNAUTHENTICATED"
    assert status(("authorization", "Bearer nvapi-wrong")) == "UNAUTHENTICATED"
    assert status(("authorization", f"Bearer {key}")) == "OK"
    assert status(("x-api-key", key), ("function-id", "1")) == "OK"
    describing = add_key(foreign.keys_file, "acme", Scope.DESCRIBE)
    assert status(("x-api-key", describing)) == "PERMISSION_DENIED"
    auth = riva.client.Auth(foreign.ca, uri=foreign.keyed, metadata_args=[["x-api-key", describing]])
    ask = riva_asr_pb2.RivaSpeechRecognitionConfigRequest()
    service = riva.client.ASRService(auth)
    assert service.stub.GetRivaSpeechRecognitionConfig(ask, metadata=auth.get_auth_metadata()).model_config
    auth.channel.close()
    assert status(("x-api-key", key), ("x-api-key", describing)) == "UNAUTHENTICATED"
