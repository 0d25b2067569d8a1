"""The query parameters of /v1/listen, checked. docs/ADAPTERS.md has the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from multidict import MultiMapping

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_gateway.adapters.hotwords import add_phrase
from amira_gateway.session.validation import check_config
from amira_gateway.web.numbers import whole_number

THEIR_MODELS = ("nova", "flux", "enhanced", "base", "general", "2-", "whisper")
"""What the names of Deepgram's own models begin with."""

_ENCODINGS = {
    "linear16": config_pb2.AUDIO_ENCODING_LINEAR16,
    "mulaw": config_pb2.AUDIO_ENCODING_MULAW,
    "alaw": config_pb2.AUDIO_ENCODING_ALAW,
    "flac": config_pb2.AUDIO_ENCODING_FLAC,
    "ogg-opus": config_pb2.AUDIO_ENCODING_OGG_OPUS,
}
_WITH_HEADER = (config_pb2.AUDIO_ENCODING_FLAC, config_pb2.AUDIO_ENCODING_OGG_OPUS)

_TAKEN = {
    "model", "language", "language_hint", "encoding", "sample_rate", "channels", "interim_results",
    "endpointing", "utterance_end_ms", "vad_events", "keywords", "keyterm", "utterances",
}  # fmt: skip
_REFUSED = {
    "callback", "custom_intent", "custom_topic", "detect_entities", "detect_language", "diarize",
    "diarize_model", "intents", "multichannel", "profanity_filter", "redact", "replace", "search",
    "sentiment", "summarize", "topics", "translate",
}  # fmt: skip
"""Without these the answer would be another one than was asked for, or hold what it must not."""

_OFF = ("false", "0", "")
_SHORTEST_ENDPOINT_MS, _USUAL_ENDPOINT_MS = 200, 500
_LONGEST_SEGMENT_S = 20
_USUAL_BOOST = 4.0
"""On the scale of `boost_nats`: the server's default."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a client wants.

    Attributes:
        model: its name; may be one of Deepgram's.
        languages: any of these; empty: whichever.
        encoding: UNSPECIFIED: what the audio's first bytes say.
        endpoint_ms: silence that ends a segment; 0: none does.
        utterance_end_ms: silence that ends an utterance; 0: do not say.
        utterances: list a recording's segments, too.
        ignored: names of parameters that were set and have no effect.
    """

    model: str
    languages: list[str]
    encoding: config_pb2.AudioEncoding
    sample_rate_hz: int
    channels: int
    interim_results: bool
    endpoint_ms: int
    utterance_end_ms: int
    vad_events: bool
    utterances: bool
    hotwords: config_pb2.HotwordSet
    ignored: list[str]

    @classmethod
    def of(cls, given: MultiMapping[str]) -> Query:
        """Raises InvalidRequestError and below."""
        for name in sorted(_REFUSED & set(given)):
            if given[name].lower() not in _OFF:
                raise errors.InvalidSettingError(f"{name} is not supported here: leave it out.")
        encoding = _encoding(given.get("encoding", ""))
        headers = encoding in (config_pb2.AUDIO_ENCODING_UNSPECIFIED, *_WITH_HEADER)
        if not headers and "sample_rate" not in given:
            raise errors.SampleRateError("sample_rate is missing: it is needed with this encoding.")
        query = cls(
            model=given.get("model", ""),
            languages=[*given.getall("language", []), *given.getall("language_hint", [])],
            encoding=encoding,
            sample_rate_hz=0 if headers else whole_number("sample_rate", given["sample_rate"]),
            channels=0 if headers else whole_number("channels", given.get("channels", "1")),
            interim_results=_is_on(given, "interim_results"),
            endpoint_ms=_endpoint_ms(given.get("endpointing", "")),
            utterance_end_ms=whole_number("utterance_end_ms", given.get("utterance_end_ms", "") or "0"),
            vad_events=_is_on(given, "vad_events"),
            utterances=_is_on(given, "utterances"),
            hotwords=_hotwords(given.getall("keyterm", []), given.getall("keywords", [])),
            ignored=[
                name for name in given if name not in _TAKEN | _REFUSED and given[name].lower() not in _OFF
            ],
        )
        check_config(query.config(encoding or config_pb2.AUDIO_ENCODING_WAV, ""))
        return query

    def config(self, encoding: config_pb2.AudioEncoding, model: str) -> config_pb2.RecognitionConfig:
        """For a session, once it is known what the audio is."""
        config = config_pb2.RecognitionConfig(
            encoding=encoding,
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            model=model,
            interim_results=self.interim_results,
            word_times=True,
            hotwords=self.hotwords,
        )
        config.endpoint.max_segment.FromSeconds(_LONGEST_SEGMENT_S)
        if self.endpoint_ms:
            config.endpoint.silence_after_speech.FromMilliseconds(self.endpoint_ms)
        else:
            config.endpoint.preset = config_pb2.ENDPOINT_PRESET_OFF
        return config


def phrases(keyterms: Iterable[str]) -> config_pb2.HotwordSet:
    """Raises HotwordError."""
    return _hotwords(keyterms, [])


def _hotwords(keyterms: Iterable[str], keywords: Iterable[str]) -> config_pb2.HotwordSet:
    hotwords = config_pb2.HotwordSet()
    for term in keyterms:
        add_phrase(hotwords, term, 0, "keyterm")
    for keyword in keywords:
        phrase, _, strength = keyword.rpartition(":")
        try:
            boost = _USUAL_BOOST * float(strength) if phrase else 0.0
        except ValueError:
            phrase, boost = keyword, 0.0
        add_phrase(hotwords, phrase or keyword, boost, "keywords")
    return hotwords


def _encoding(name: str) -> config_pb2.AudioEncoding:
    if not name:
        return config_pb2.AUDIO_ENCODING_UNSPECIFIED
    encoding = _ENCODINGS.get(name.lower())
    if encoding is None:
        raise errors.UnknownEncodingError(
            f"encoding {name[:50]!r} is not supported: {', '.join(_ENCODINGS)} are, and WAV, FLAC or Ogg-Opus"
            " files without the parameter."
        )
    return encoding


def _endpoint_ms(value: str) -> int:
    if value.lower() in ("", "true"):
        return _USUAL_ENDPOINT_MS
    if value.lower() == "false":
        return 0
    return max(_SHORTEST_ENDPOINT_MS, whole_number("endpointing", value))


def _is_on(given: MultiMapping[str], name: str) -> bool:
    return given.get(name, "").lower() not in _OFF
