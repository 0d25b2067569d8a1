"""OpenAI's audio protocols: transcriptions over REST, and the realtime transcription WebSocket.

POST /v1/audio/transcriptions    ``transcriptions.py``
GET  /v1/models, /v1/models/ID   ``models.py``
GET  /v1/realtime                WebSocket: ``realtime.py``
"""

from __future__ import annotations

from aiohttp import web

from amira_gateway.web.entrance import Entrance
from amira_gateway.web.guard import guarded
from amira_gateway.web.openai.failures import refusal
from amira_gateway.web.openai.models import Models
from amira_gateway.web.openai.transcriptions import PATH as TRANSCRIPTIONS
from amira_gateway.web.openai.transcriptions import Transcriptions


def routes(entrance: Entrance) -> list[web.RouteDef]:
    """What is served."""
    models = Models(entrance)
    return [
        web.post(TRANSCRIPTIONS, guarded(Transcriptions(entrance).handle, refusal)),
        web.get("/v1/models", guarded(models.list, refusal)),
        web.get("/v1/models/{id}", guarded(models.get, refusal)),
    ]
