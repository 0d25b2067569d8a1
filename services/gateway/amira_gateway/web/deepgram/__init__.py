"""Deepgram's protocols.

GET  /v1/listen    WebSocket: ``dialect.py``
POST /v1/listen    a recording: ``recording.py``
"""

from __future__ import annotations

from aiohttp import web

from amira_gateway.web.calls import offered_protocols
from amira_gateway.web.deepgram.dialect import DeepgramDialect
from amira_gateway.web.deepgram.failures import refusal
from amira_gateway.web.deepgram.query import THEIR_MODELS, Query
from amira_gateway.web.deepgram.recording import Recordings
from amira_gateway.web.dialect import Dialect
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.guard import guarded
from amira_gateway.web.models import choose_model, models_of
from amira_gateway.web.socket import SpeechSocket

_PATH = "/v1/listen"
_SCHEMES = ("token", "bearer")


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """What is served."""

    async def open_dialect(request: web.Request) -> Dialect:
        query = Query.of(request.query)
        entrance.check_room()
        chosen = choose_model(await models_of(entrance), query.model, query.languages, THEIR_MODELS)
        scheme = next((offer for offer in offered_protocols(request) if offer in _SCHEMES), "")
        return DeepgramDialect(query, chosen.name, scheme)

    most = entrance.settings.max_message_audio_bytes
    socket = SpeechSocket(entrance, _PATH, "deepgram.Listen", open_dialect, most)
    return [
        web.get(_PATH, guarded(socket.handle, refusal), allow_head=False),
        web.post(_PATH, guarded(Recordings(entrance, _PATH).handle, refusal)),
    ]
