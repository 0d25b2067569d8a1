"""Which models there are. Deepgram's clients ask at the same path, and look for theirs under ``stt``."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_core.tracing.process import incoming_trace
from amira_gateway.access import Scope
from amira_gateway.web.calls import credentials_of, record_of
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.models import Models as ModelInfos
from amira_gateway.web.models import models_of


class Models:
    """Handlers for aiohttp."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def list(self, request: web.Request) -> web.Response:
        models = await self._models(request)
        openai = {"object": "list", "data": [_described(model) for model in models]}
        deepgram = {"stt": [_described_to_deepgram(model) for model in models], "tts": []}
        return web.json_response(openai | deepgram)

    async def get(self, request: web.Request) -> web.Response:
        """Raises UnknownModelError."""
        name = request.match_info["id"]
        for model in await self._models(request):
            if model.name == name:
                return web.json_response(_described(model))
        raise errors.UnknownModelError("There is no such model: GET /v1/models lists those there are.")

    async def _models(self, request: web.Request) -> ModelInfos:
        with incoming_trace("openai.Models", request.headers.items()) as trace, trace.current():
            self._entrance.origins.check(request)
            record = record_of(request, "/v1/models")
            with self._entrance.door.call(record, credentials_of(request), Scope.DESCRIBE):
                return await models_of(self._entrance)


def _described_to_deepgram(model: config_pb2.ModelInfo) -> dict[str, Any]:
    named = {"name": model.name, "canonical_name": model.name, "version": model.version}
    languages = [model.language_code] if model.language_code else []
    return named | {"languages": languages, "batch": True, "streaming": True, "formatted_output": False}


def _described(model: config_pb2.ModelInfo) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": "amira"}
