"""The fields of a transcription request, checked. docs/ADAPTERS.md has the table."""

from __future__ import annotations

from dataclasses import dataclass, field

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_gateway import untrusted_json
from amira_gateway.adapters.hotwords import add_phrase

THEIR_MODELS = ("whisper", "gpt-")
"""What the names of OpenAI's own models begin with."""

FORMATS = ("json", "verbose_json", "text", "srt", "vtt")
_GRANULARITIES = ("word", "segment")
_TAKEN = (
    "model", "language", "languages", "response_format", "timestamp_granularities", "include",
    "chunking_strategy", "keywords", "stream",
)  # fmt: skip
_REFUSED = ("known_speaker_names", "known_speaker_references")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be answered, and how.

    Attributes:
        model: its name; may be one of OpenAI's.
        languages: any of these; empty: whichever.
        response_format: one of FORMATS.
        granularities: of verbose_json's times.
        logprobs: whether they are wanted.
        stream: whether to answer in server-sent events.
        hotwords: from `keywords`.
        silence_ms: that ends a segment; None: the server's.
        ignored: names of fields that were set and have no effect.
    """

    model: str
    languages: list[str]
    response_format: str
    granularities: frozenset[str]
    logprobs: bool
    stream: bool
    hotwords: config_pb2.HotwordSet
    silence_ms: int | None
    ignored: list[str] = field(default_factory=list)

    @property
    def needs_words(self) -> bool:
        """Whether times and confidences of words are needed."""
        return self.logprobs or self.response_format in ("verbose_json", "srt", "vtt")

    @classmethod
    def of(cls, fields: dict[str, list[str]]) -> Wishes:
        """Raises InvalidSettingError, HotwordError."""
        for name in _REFUSED:
            if name in fields:
                raise errors.InvalidSettingError(f"{name}: speakers are not told apart here: leave it out.")
        silence_ms, ignored = _chunking(fields)
        ignored += [name for name in fields if name.partition("[")[0] not in _TAKEN]
        response_format = _one_of(fields, "response_format", FORMATS, "json")
        granularities = _all_of(fields, "timestamp_granularities", _GRANULARITIES)
        if granularities and response_format != "verbose_json":
            raise errors.InvalidSettingError("timestamp_granularities: needs response_format=verbose_json.")
        return cls(
            model=_last(fields, "model"),
            languages=[language for name in ("language", "languages") for language in fields.get(name, [])],
            response_format=response_format,
            granularities=granularities or frozenset({"segment"}),
            logprobs=bool(_all_of(fields, "include", ("logprobs",))),
            stream=_boolean(fields, "stream"),
            hotwords=_hotwords(fields.get("keywords", [])),
            silence_ms=silence_ms,
            ignored=ignored,
        )


def _last(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[-1]


def _one_of(fields: dict[str, list[str]], name: str, known: tuple[str, ...], default: str) -> str:
    value = _last(fields, name) or default
    if value not in known:
        raise errors.InvalidSettingError(f"{name}: {value[:50]!r} is not supported: {', '.join(known)} are.")
    return value


def _all_of(fields: dict[str, list[str]], name: str, known: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_one_of({name: [value]}, name, known, "") for value in fields.get(name, []))


def _boolean(fields: dict[str, list[str]], name: str) -> bool:
    value = _BOOLEANS.get(_last(fields, name).lower())
    if value is None:
        raise errors.InvalidSettingError(f"{name}: must be true or false.")
    return value


def _hotwords(keywords: list[str]) -> config_pb2.HotwordSet:
    hotwords = config_pb2.HotwordSet()
    for number, keyword in enumerate(keywords):
        add_phrase(hotwords, keyword, 0, f"keywords[{number}]")
    return hotwords


def _chunking(fields: dict[str, list[str]]) -> tuple[int | None, list[str]]:
    """Silence that ends a segment, and what else was set: `auto`, JSON, or one form field per value."""
    values = {
        name[len("chunking_strategy[") : -1]: given[-1]
        for name, given in fields.items()
        if name.startswith("chunking_strategy[")
    }
    whole = _last(fields, "chunking_strategy")
    if whole not in ("", "auto"):
        try:
            values |= untrusted_json.parse(whole)
        except (ValueError, TypeError):
            raise errors.InvalidSettingError(
                "chunking_strategy: must be `auto` or an object of the type `server_vad`."
            ) from None
    if not values:
        return None, []
    if values.pop("type", None) != "server_vad":
        raise errors.InvalidSettingError("chunking_strategy: its type must be `server_vad`.")
    silence = values.pop("silence_duration_ms", None)
    return None if silence is None else _milliseconds(silence), [
        f"chunking_strategy.{name}" for name in values
    ]


def _milliseconds(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise errors.InvalidSettingError("silence_duration_ms: must be a whole number.") from None
