"""Amira's own WebSocket: the messages of the gRPC stream, as JSON or as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from aiohttp import WSMessage, web

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_gateway.web.calls import offered_protocols
from amira_gateway.web.codec import Codec, choose_codec
from amira_gateway.web.dialect import Content, LastWords
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.failures import NORMAL_CLOSE, close_code, status_body
from amira_gateway.web.guard import amira_refusal, guarded
from amira_gateway.web.socket import SpeechSocket

_PATH = "/v1/stream"
_METHOD = "amira.asr.v1.Speech/StreamingRecognize"


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """The stream of amira.asr.v1.Speech, resume included."""
    socket = SpeechSocket(entrance, _PATH, _METHOD, _open, entrance.max_message_bytes)
    return [web.get(_PATH, guarded(socket.handle, amira_refusal), allow_head=False)]


async def _open(request: web.Request) -> AmiraDialect:
    return AmiraDialect(choose_codec(offered_protocols(request)))


class AmiraDialect:
    """One message for one message. The server's last one is how the stream ended, as in ``failures.py``."""

    headers: Mapping[str, str] = {}
    begins_late = False
    silence_s: float | None = None

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.protocol = codec.protocol

    def greeting(self) -> Iterable[Content]:
        return ()

    def take(self, message: WSMessage) -> Iterable[speech_pb2.StreamingRecognizeRequest]:
        return (self._codec.request(message),)

    def tell(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterable[Content]:
        return (self._codec.response(response),)

    def end(self, error: errors.AmiraError | None, audio_s: float) -> LastWords:
        code = NORMAL_CLOSE if error is None else close_code(error)
        return LastWords((json.dumps({"status": status_body(error)}),), code)
