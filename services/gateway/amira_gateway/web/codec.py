"""The two forms in which a WebSocket carries the messages of the gRPC stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aiohttp import WSMessage, WSMsgType
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_gateway import untrusted_json

_LONGEST_COMPLAINT = 200


class Codec(Protocol):
    """Between WebSocket messages and protocol messages."""

    protocol: str
    """The WebSocket subprotocol."""

    def request(self, message: WSMessage) -> speech_pb2.StreamingRecognizeRequest:
        """Raises InvalidRequestError."""

    def response(self, response: speech_pb2.StreamingRecognizeResponse) -> str | bytes:
        """A text message (str) or a binary one."""


class JsonCodec:
    """Text messages are protocol messages as JSON; binary ones from the client are audio, without offset."""

    protocol = "amira.asr.v1.json"

    def request(self, message: WSMessage) -> speech_pb2.StreamingRecognizeRequest:
        if message.type is WSMsgType.BINARY:
            return speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=message.data))
        try:
            fields = untrusted_json.parse(message.data)
            return json_format.ParseDict(fields, speech_pb2.StreamingRecognizeRequest())
        except (json_format.ParseError, ValueError, TypeError) as error:
            raise errors.InvalidRequestError(
                "A text message must be an amira.asr.v1.StreamingRecognizeRequest as JSON "
                f"(audio goes into binary ones): {str(error)[:_LONGEST_COMPLAINT]}"
            ) from None

    def response(self, response: speech_pb2.StreamingRecognizeResponse) -> str:
        return json_format.MessageToJson(response, indent=None)


class ProtoCodec:
    """Binary messages are protocol messages as they are; the server's last word is JSON here, too."""

    protocol = "amira.asr.v1.proto"

    def request(self, message: WSMessage) -> speech_pb2.StreamingRecognizeRequest:
        if message.type is not WSMsgType.BINARY:
            raise errors.InvalidRequestError(
                f"The subprotocol {self.protocol} has binary messages only: "
                f"ask for {JsonCodec.protocol} to send JSON."
            )
        try:
            return speech_pb2.StreamingRecognizeRequest.FromString(message.data)
        except DecodeError:
            raise errors.InvalidRequestError(
                "A message is not what the stream takes: generate the client from the server's protos."
            ) from None

    def response(self, response: speech_pb2.StreamingRecognizeResponse) -> bytes:
        return response.SerializeToString()


def choose_codec(offered: Iterable[str]) -> Codec:
    """The first subprotocol that is known; JSON where the client names none."""
    codecs: dict[str, Codec] = {codec.protocol: codec for codec in (JsonCodec(), ProtoCodec())}
    return next((codecs[protocol] for protocol in offered if protocol in codecs), JsonCodec())
