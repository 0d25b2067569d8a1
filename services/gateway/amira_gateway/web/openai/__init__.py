"""OpenAI's audio protocols: transcriptions over REST, and the realtime transcription WebSocket.

POST /v1/audio/transcriptions    ``transcriptions.py``
GET  /v1/models, /v1/models/ID   ``models.py``
GET  /v1/realtime                WebSocket: ``realtime.py``
"""

from __future__ import annotations

from aiohttp import web

from amira_gateway.web.dialect import Dialect
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.guard import guarded
from amira_gateway.web.openai.failures import refusal
from amira_gateway.web.openai.models import Models
from amira_gateway.web.openai.realtime import PATH as REALTIME
from amira_gateway.web.openai.realtime import open_realtime
from amira_gateway.web.openai.transcriptions import PATH as TRANSCRIPTIONS
from amira_gateway.web.openai.transcriptions import Transcriptions
from amira_gateway.web.socket import SpeechSocket


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """What is served."""
    models = Models(entrance)

    async def open_dialect(request: web.Request) -> Dialect:
        return await open_realtime(entrance, request)

    realtime = SpeechSocket(entrance, REALTIME, "openai.Realtime", open_dialect, entrance.max_message_bytes)
    return [
        web.post(TRANSCRIPTIONS, guarded(Transcriptions(entrance).handle, refusal)),
        web.get(REALTIME, guarded(realtime.handle, refusal), allow_head=False),
        web.get("/v1/models", guarded(models.list, refusal)),
        web.get("/v1/models/{id}", guarded(models.get, refusal)),
    ]
