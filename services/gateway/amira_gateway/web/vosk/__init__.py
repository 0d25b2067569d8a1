"""The protocol of vosk-server's WebSocket, at ``/vosk`` (``dialect.py``)."""

from __future__ import annotations

from aiohttp import web

from amira_gateway.web.dialect import Dialect
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.guard import amira_refusal, guarded
from amira_gateway.web.socket import SpeechSocket
from amira_gateway.web.vosk.dialect import VoskDialect

_PATH = "/vosk"


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """What is served."""

    async def open_dialect(request: web.Request) -> Dialect:
        entrance.check_room()
        return VoskDialect()

    most = entrance.settings.max_message_audio_bytes
    socket = SpeechSocket(entrance, _PATH, "vosk.Recognize", open_dialect, most)
    return [web.get(_PATH, guarded(socket.handle, amira_refusal), allow_head=False)]
