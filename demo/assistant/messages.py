"""What page and assistant say to each other, as JSON over one WebSocket; audio goes in binary messages.

The page's binary messages are PCM of 16 bits from its microphone; the assistant's are an answer's number (32
bits, little-endian) and PCM of 16 bits.
"""

from __future__ import annotations

import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

_NUMBER = struct.Struct("<I")


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Listen(_Message):
    """The microphone is on: audio follows."""

    kind: Literal["listen"]
    rate_hz: Annotated[int, Field(ge=8000, le=48_000)]


class Rest(_Message):
    """The microphone is off."""

    kind: Literal["rest"]


class Talk(_Message):
    """The push-to-talk key."""

    kind: Literal["talk"]
    pressed: bool


class Say(_Message):
    """A command that was typed."""

    kind: Literal["say"]
    text: Annotated[str, Field(min_length=1, max_length=200)]


class UseVoice(_Message):
    """Who speaks the answers: the assistant, or the browser."""

    kind: Literal["voice"]
    browser: bool


class Played(_Message):
    """An answer was played to its end."""

    kind: Literal["played"]
    number: int


class Toggle(_Message):
    """A light's switch was pressed."""

    kind: Literal["toggle"]
    light: Annotated[str, Field(max_length=40)]


class CancelTimer(_Message):
    """A timer's button was pressed."""

    kind: Literal["cancel-timer"]
    number: int


FromPage = Listen | Rest | Talk | Say | UseVoice | Played | Toggle | CancelTimer


_FROM_PAGE: TypeAdapter[FromPage] = TypeAdapter(Annotated[FromPage, Field(discriminator="kind")])


class BadMessageError(ValueError):
    """The page said what nobody understands; the message says what."""


def read(text: str) -> FromPage:
    """Raises BadMessageError."""
    try:
        return _FROM_PAGE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        raise BadMessageError(f"{place}: {first['msg']}" if place else str(first["msg"])) from None


def answer_audio(number: int, pcm: bytes) -> bytes:
    """A piece of an answer as a binary message."""
    return _NUMBER.pack(number) + pcm
