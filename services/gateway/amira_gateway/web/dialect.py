"""What the WebSockets of different protocols have in common, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from aiohttp import WSMessage

from amira.asr.v1 import speech_pb2
from amira_core import errors

Content: TypeAlias = "str | bytes"
"""A text message or a binary one."""


@dataclass(frozen=True, slots=True)
class LastWords:
    """How a protocol says that a stream is over: messages, then the close code and its reason."""

    messages: tuple[Content, ...]
    close_code: int
    close_reason: str = ""


class Dialect(Protocol):
    """One connection's protocol, between WebSocket messages and those of amira.asr.v1."""

    protocol: str
    """The WebSocket subprotocol; empty for none."""

    headers: Mapping[str, str]
    """For the answer that makes the connection a WebSocket."""

    begins_late: bool
    """Whether a client may take its time before it says what it wants; it holds no place until then."""

    silence_s: float | None
    """A client that sends no message at all for this long is cut off; None: the session's limits suffice."""

    def greeting(self) -> Iterable[Content]:
        """What is said first."""

    def take(self, message: WSMessage) -> Iterable[speech_pb2.StreamingRecognizeRequest | Content]:
        """What a text or binary message means: requests to the session and answers to the client, in order.

        An iterator goes on when the session has taken what came before. Raises AmiraError for a message
        that ends the stream.
        """

    def tell(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterable[Content]:
        """What the client is told of a response."""

    def end(self, error: errors.AmiraError | None, audio_s: float) -> LastWords:
        """The stream, which had `audio_s` seconds, is over; None: all went well."""
