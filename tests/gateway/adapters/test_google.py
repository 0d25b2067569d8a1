"""Google's own client package, unmodified, against the gateway, with real speech: v1, v1p1beta1 and v2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud import speech_v1, speech_v1p1beta1, speech_v2
from google.cloud.speech_v1p1beta1.services.speech.transports import SpeechGrpcTransport as TransportBeta

from tests.gateway.adapters.foreign import (
    Foreign,
    beside_noise,
    clip,
    silence,
    telephone,
    write_flac,
    write_opus,
    write_wav,
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
