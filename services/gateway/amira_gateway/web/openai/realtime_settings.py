"""What a realtime session is set to, and how its clients change it. docs/ADAPTERS.md has the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_gateway.adapters.hotwords import add_phrase
from amira_gateway.web.models import Models, choose_model
from amira_gateway.web.numbers import whole_number
from amira_gateway.web.openai.wishes import THEIR_MODELS

_RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
_ENCODINGS = {
    "audio/pcm": config_pb2.AUDIO_ENCODING_LINEAR16,
    "audio/pcmu": config_pb2.AUDIO_ENCODING_MULAW,
    "audio/pcma": config_pb2.AUDIO_ENCODING_ALAW,
}
_BETA_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_EAGERNESS = {
    "low": config_pb2.ENDPOINT_PRESET_STANDARD,
    "medium": config_pb2.ENDPOINT_PRESET_SHORT,
    "auto": config_pb2.ENDPOINT_PRESET_SHORT,
    "high": config_pb2.ENDPOINT_PRESET_VERY_SHORT,
}
_LOGPROBS = "item.input_audio_transcription.logprobs"
_USUAL_SILENCE_MS, _SHORTEST_SILENCE_MS = 500, 200


@dataclass(frozen=True, slots=True)
class RealtimeSettings:
    """What is in force.

    Attributes:
        format: one of OpenAI's names of audio formats.
        silence_ms: that ends a turn, with `server_vad`; None: another way.
        eagerness: with `semantic_vad`; None: another way. Without either, clients commit.
        model: as the client has it.
        language: as the client has it.
        keywords: favoured phrases.
        logprobs: whether they are wanted.
    """

    format: str = "audio/pcm"
    silence_ms: int | None = _USUAL_SILENCE_MS
    eagerness: str | None = None
    model: str = ""
    language: str = ""
    keywords: tuple[str, ...] = ()
    logprobs: bool = False

    @property
    def detects_turns(self) -> bool:
        """Whether the server says when a turn has ended."""
        return self.silence_ms is not None or self.eagerness is not None

    def changed(self, session: object) -> RealtimeSettings:
        """As a ``session.update`` wants it. Raises InvalidSettingError."""
        whole = _object("session", session)
        if whole.get("type", "transcription") != "transcription":
            raise errors.InvalidSettingError("session.type: this server has `transcription` sessions alone.")
        sound = _object("session.audio.input", _object("session.audio", whole.get("audio")).get("input"))
        changed = self
        if "format" in sound:
            changed = replace(changed, format=_format(sound["format"]))
        if "turn_detection" in sound:
            changed = changed._with_turns(sound["turn_detection"])
        if sound.get("transcription") is not None:
            changed = changed._with_transcription(_object("transcription", sound["transcription"]))
        if "include" in whole:
            changed = replace(changed, logprobs=_LOGPROBS in _texts("include", whole["include"]))
        return changed

    def changed_by_beta(self, session: object) -> RealtimeSettings:
        """As a ``transcription_session.update`` of the beta wants it. Raises InvalidSettingError."""
        whole = _object("session", session)
        sound: dict[str, Any] = {}
        if "input_audio_format" in whole:
            sound["format"] = {"type": _BETA_FORMATS.get(str(whole["input_audio_format"]), "")}
        if "turn_detection" in whole:
            sound["turn_detection"] = whole["turn_detection"]
        if "input_audio_transcription" in whole:
            sound["transcription"] = whole["input_audio_transcription"]
        rest = {"include": whole["include"]} if "include" in whole else {}
        return self.changed({"audio": {"input": sound}, **rest})

    def config(self, models: Models) -> config_pb2.RecognitionConfig:
        """For a session. Raises UnknownModelError, InvalidSettingError, HotwordError."""
        languages = [self.language] if self.language else []
        return config_pb2.RecognitionConfig(
            encoding=_ENCODINGS[self.format],
            sample_rate_hz=_RATES[self.format],
            model=choose_model(models, self.model, languages, THEIR_MODELS).name,
            interim_results=True,
            word_times=self.logprobs,
            hotwords=self.hotwords(),
            endpoint=self.endpoint(),
        )

    def hotwords(self) -> config_pb2.HotwordSet:
        """Raises HotwordError."""
        hotwords = config_pb2.HotwordSet()
        for number, keyword in enumerate(self.keywords):
            add_phrase(hotwords, keyword, 0, f"keywords[{number}]")
        return hotwords

    def endpoint(self) -> config_pb2.EndpointConfig:
        """When a segment ends."""
        endpoint = config_pb2.EndpointConfig()
        if self.silence_ms is not None:
            endpoint.silence_after_speech.FromMilliseconds(max(_SHORTEST_SILENCE_MS, self.silence_ms))
        elif self.eagerness is not None:
            endpoint.preset = _EAGERNESS[self.eagerness]
        else:
            endpoint.preset = config_pb2.ENDPOINT_PRESET_OFF
        return endpoint

    def described(self) -> dict[str, Any]:
        """As ``session.updated`` says it: what has no effect here is not set, whatever was asked for."""
        form = {"type": self.format} | ({"rate": 24_000} if self.format == "audio/pcm" else {})
        sound = {
            "format": form,
            "noise_reduction": None,
            "transcription": self._transcription(),
            "turn_detection": self._turns(),
        }
        return {"type": "transcription", "audio": {"input": sound}, "include": self._include()}

    def described_for_beta(self) -> dict[str, Any]:
        """The same as the beta has it."""
        names = {form: name for name, form in _BETA_FORMATS.items()}
        return {
            "input_audio_format": names[self.format],
            "input_audio_transcription": self._transcription(),
            "turn_detection": self._turns(),
            "input_audio_noise_reduction": None,
            "include": self._include(),
        }

    def _with_turns(self, wanted: object) -> RealtimeSettings:
        if wanted is None:
            return replace(self, silence_ms=None, eagerness=None)
        turns = _object("turn_detection", wanted)
        kind = turns.get("type", "server_vad")
        if kind == "server_vad":
            silence = turns.get("silence_duration_ms")
            silence = _USUAL_SILENCE_MS if silence is None else silence
            return replace(self, silence_ms=whole_number("silence_duration_ms", silence), eagerness=None)
        eagerness = str(turns.get("eagerness") or "auto")
        if kind != "semantic_vad" or eagerness not in _EAGERNESS:
            raise errors.InvalidSettingError("turn_detection: must be null, server_vad or semantic_vad.")
        return replace(self, silence_ms=None, eagerness=eagerness)

    def _with_transcription(self, wanted: Mapping[str, Any]) -> RealtimeSettings:
        changed = self
        for name in ("model", "language"):
            if wanted.get(name) is not None:
                [text] = _texts(name, [wanted[name]])
                changed = replace(changed, **{name: text})  # type: ignore[arg-type]  # two text fields
        if wanted.get("keywords") is not None:
            changed = replace(changed, keywords=tuple(_texts("keywords", wanted["keywords"])))
        return changed

    def _transcription(self) -> dict[str, Any]:
        keywords = {"keywords": list(self.keywords)} if self.keywords else {}
        return {"model": self.model or None, "language": self.language or None, "prompt": None, **keywords}

    def _turns(self) -> dict[str, Any] | None:
        if self.silence_ms is not None:
            return {"type": "server_vad", "silence_duration_ms": self.silence_ms}
        return None if self.eagerness is None else {"type": "semantic_vad", "eagerness": self.eagerness}

    def _include(self) -> list[str]:
        return [_LOGPROBS] if self.logprobs else []


def _object(name: str, value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise errors.InvalidSettingError(f"{name}: must be an object.")
    return value


def _texts(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise errors.InvalidSettingError(f"{name}: must be text.")
    return value


def _format(value: object) -> str:
    wanted = _object("format", value)
    kind = wanted.get("type", "audio/pcm")
    if not isinstance(kind, str) or kind not in _RATES:
        raise errors.InvalidSettingError("format: must be PCM (16 bits, 24 kHz) or G.711 (mu-law, A-law).")
    if wanted.get("rate") not in (None, _RATES[kind]):
        raise errors.InvalidSettingError(f"format.rate: must be {_RATES[kind]} with {kind}.")
    return kind
