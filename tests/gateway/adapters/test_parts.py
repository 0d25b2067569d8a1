"""The parts of the adapters that need no call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, result_pb2
from amira.googlespeech.v1 import speech_pb2 as v1
from amira.googlespeech.v2 import speech_pb2 as v2
from amira.riva.v1 import riva_pb2
from amira_core import errors
from amira_gateway.adapters.audio import WholeSamples, container_of, settle
from amira_gateway.adapters.fields import ignored_fields
from amira_gateway.adapters.google.adaptation import of_v1, of_v2
from amira_gateway.adapters.google.voice_activity import SilenceWatch, Wishes
from amira_gateway.adapters.hotwords import boost_nats
from amira_gateway.adapters.models import choose
from amira_gateway.adapters.parts import interim_parts
from amira_gateway.adapters.riva.requests import translate

MODELS = [
    config_pb2.ModelInfo(name="small", language_code="en"),
    config_pb2.ModelInfo(name="german", language_code="de-DE"),
]
LINEAR16 = config_pb2.AUDIO_ENCODING_LINEAR16
UNSPECIFIED = config_pb2.AUDIO_ENCODING_UNSPECIFIED


@given(st.lists(st.binary(max_size=9)), st.sampled_from([1, 2, 3]))
def test_samples_are_whole_and_none_is_lost(pieces: list[bytes], channels: int) -> None:
    config = config_pb2.RecognitionConfig(encoding=LINEAR16, sample_rate_hz=16_000, channels=channels)
    samples = WholeSamples(config)
    taken = [samples.take(piece) for piece in pieces]
    unit = 2 * channels
    assert all(len(piece) % unit == 0 for piece in taken)
    sound = b"".join(pieces)
    assert b"".join(taken) == sound[: len(sound) // unit * unit]


@pytest.mark.parametrize(
    ("beginning", "declared", "encoding"),
    [
        (b"RIFF....WAVE", UNSPECIFIED, config_pb2.AUDIO_ENCODING_WAV),
        (b"RIFF....WAVE", LINEAR16, config_pb2.AUDIO_ENCODING_WAV),
        (b"RIFF....WAVE", config_pb2.AUDIO_ENCODING_MULAW, config_pb2.AUDIO_ENCODING_WAV),
        (b"RIFF....AVI ", LINEAR16, LINEAR16),
        (b"fLaC\0\0\0\x22....", UNSPECIFIED, config_pb2.AUDIO_ENCODING_FLAC),
        (b"fLaC\0\0\0\x22....", LINEAR16, config_pb2.AUDIO_ENCODING_FLAC),
        (b"fLaC........", LINEAR16, LINEAR16),  # samples that happen to look so
        (b"OggS\0\2......", UNSPECIFIED, config_pb2.AUDIO_ENCODING_OGG_OPUS),
        (b"whatever", UNSPECIFIED, LINEAR16),
        (b"whatever", config_pb2.AUDIO_ENCODING_FLAC, config_pb2.AUDIO_ENCODING_FLAC),
    ],
)
def test_encodings_by_the_first_bytes(
    beginning: bytes, declared: config_pb2.AudioEncoding, encoding: config_pb2.AudioEncoding
) -> None:
    config = config_pb2.RecognitionConfig(encoding=declared, sample_rate_hz=16_000)
    settle(config, beginning, LINEAR16)
    assert config.encoding == encoding
    assert config.sample_rate_hz == (0 if encoding == config_pb2.AUDIO_ENCODING_OGG_OPUS else 16_000)
    assert container_of(b"") == UNSPECIFIED


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("", "", ("", "en")),
        ("", "en_GB", ("", "en_GB")),
        ("", "auto", ("", "en")),
        ("small", "", ("small", "en")),
        ("", "de", ("german", "de")),
        ("german", "de-AT", ("german", "de-AT")),
        ("latest_long", "de-DE", ("german", "de-DE")),
    ],
)
def test_models_by_name_and_language(name: str, language: str, expected: tuple[str, str]) -> None:
    choice = choose(MODELS, name, language, strict=False)
    assert (choice.name, choice.language_code) == expected
    assert choice.name_was_known == (name != "latest_long")


def test_models_that_do_not_fit() -> None:
    with pytest.raises(errors.InvalidSettingError, match="this server has en"):
        choose(MODELS, "small", "de", strict=True)
    with pytest.raises(errors.InvalidSettingError, match="this server has de-DE, en"):
        choose(MODELS, "", "fr", strict=True)
    with pytest.raises(errors.UnknownModelError, match="this server has small, german"):
        choose(MODELS, "large", "en", strict=True)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_boosts_keep_their_order_and_their_bounds(boost: float) -> None:
    assert abs(boost_nats(boost)) <= 5
    assert boost_nats(-boost) == -boost_nats(boost)
    assert boost_nats(boost) <= boost_nats(boost + abs(boost) / 2)


@given(st.lists(st.sampled_from(["a", "bc"]), max_size=6), st.integers(0, 8), st.floats(0, 1))
def test_parts_of_an_interim_result_are_all_of_it(words: list[str], stable: int, stability: float) -> None:
    result = result_pb2.StreamingResult(
        alternatives=[result_pb2.Alternative(text=" ".join(words))], stable_words=stable, stability=stability
    )
    parts = list(interim_parts(result))
    assert " ".join(text for text, _ in parts) == " ".join(words)
    assert all(text for text, _ in parts)
    assert [value for _, value in parts] == sorted((value for _, value in parts), reverse=True)


def test_classes_stand_for_their_items() -> None:
    config = v1.RecognitionConfig()
    config.adaptation.custom_classes.add(custom_class_id="who", items=[{"value": "ann"}, {"value": "bob"}])
    config.adaptation.custom_classes.add(name="projects/p/customClasses/what", items=[{"value": "tea"}])
    phrases = ["${who} drinks ${projects/p/customClasses/what}", "with ${nobody}", "in $MONTH", "plain", ""]
    config.speech_contexts.add(phrases=phrases, boost=10)
    adapted = of_v1(config)
    assert [each.phrase for each in adapted.hotwords.phrases] == ["ann drinks tea", "bob drinks tea", "plain"]
    assert {each.boost for each in adapted.hotwords.phrases} == {2.5}
    assert adapted.passed_over == ["speech_contexts[0].phrases[1]", "speech_contexts[0].phrases[2]"]


def test_phrases_of_every_form_become_hotwords() -> None:
    in_v1 = v1.RecognitionConfig()
    in_v1.speech_contexts.add(phrases=["one"])
    in_v1.adaptation.phrase_sets.add(phrases=[{"value": "two", "boost": 90}, {"value": "three"}], boost=10)
    in_v2 = v2.RecognitionConfig()
    in_v2.adaptation.phrase_sets.add().inline_phrase_set.phrases.add(value="four", boost=10)
    in_riva = riva_pb2.RecognitionConfig()
    in_riva.speech_contexts.add(phrases=["five", "six"], boost=-90)
    found = [
        *of_v1(in_v1).hotwords.phrases,
        *of_v2(in_v2).hotwords.phrases,
        *translate(in_riva, MODELS)[0].hotwords.phrases,
    ]
    assert [(each.phrase, each.boost) for each in found] == [
        ("one", 0), ("two", 4.5), ("three", 2.5), ("four", 2.5), ("five", -4.5), ("six", -4.5)
    ]  # fmt: skip


def test_classes_cannot_be_made_to_multiply_without_end() -> None:
    config = v1.RecognitionConfig()
    config.adaptation.custom_classes.add(custom_class_id="e", items=[{"value": ""}] * 100)
    config.speech_contexts.add(phrases=["${e}" * 100])
    with pytest.raises(errors.HotwordError, match="more than 1000 phrases"):
        of_v1(config)


@pytest.mark.parametrize("items", [[], [{"value": "x" * 3_000_000}]])
@pytest.mark.parametrize("phrase", ["${" * 500, "${e}" * 240])
def test_hostile_phrases_are_not_put_together(phrase: str, items: list[dict[str, str]]) -> None:
    config = v1.RecognitionConfig()
    config.adaptation.custom_classes.add(custom_class_id="e", items=items)
    config.speech_contexts.add(phrases=[phrase] * 900)
    if items and phrase.endswith("}"):
        with pytest.raises(errors.HotwordError, match="720000000 characters"):
            of_v1(config)
    else:
        assert not of_v1(config).hotwords.phrases


def test_a_request_of_very_many_parts_is_not_looked_through() -> None:
    config = v1.RecognitionConfig()
    for _ in range(60):
        config.adaptation.phrase_sets.add(phrases=[{"value": "a"}] * 100)
    with pytest.raises(errors.InvalidSettingError, match="send fewer phrases"):
        ignored_fields(config)


def test_fields_without_effect_are_named_up_to_a_bound() -> None:
    config = riva_pb2.RecognitionConfig(profanity_filter=True, verbatim_transcripts=True)
    assert ignored_fields(config) == ["profanity_filter"]
    unknown = riva_pb2.RecognitionConfig.FromString(b"\x98\x06\x01" * 1000)
    assert ignored_fields(unknown) == ["#99"] * 20 + ["..."]
    assert ignored_fields(riva_pb2.RecognitionConfig.FromString(b"\x98\x06\x01" * 20_000)) == []  # too many


def test_silence_is_timed_from_the_start_and_from_the_last_words() -> None:
    watch = SilenceWatch(Wishes(start_timeout_s=2.0, end_timeout_s=1.0))
    assert watch.mark_due(0.1) is None
    assert watch.mark_due(1.9) == "1900"
    assert watch.mark_due(2.0) is None  # there is one a moment before
    assert not watch.timed_out("1900")
    assert watch.timed_out("2000")
    watch.speech_began()
    assert not watch.timed_out("9000")
    watch.speech_ended(9.5)
    assert not watch.timed_out("10400")
    assert watch.timed_out("10500")
    assert watch.deadline.ToMilliseconds() == 10_500
    watch.give_up()
    watch.speech_ended(20.0)
    assert not watch.timed_out("60000")
