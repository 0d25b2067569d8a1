"""GetCapabilities over plain HTTP, for pages: they can neither call gRPC nor ask on a WebSocket."""

from __future__ import annotations

from aiohttp import web
from google.protobuf.json_format import MessageToJson

from amira_core.tracing.process import incoming_trace
from amira_gateway.access import Scope
from amira_gateway.web.calls import credentials_of, record_of
from amira_gateway.web.entrance import Entrance

PATH = "/v1/capabilities"
_METHOD = "amira.asr.v1.Speech/GetCapabilities"


class Described:
    """A handler for aiohttp."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    async def get(self, request: web.Request) -> web.Response:
        """`GetCapabilitiesResponse` as protobuf's JSON. Raises AmiraError."""
        with incoming_trace(_METHOD, request.headers.items()) as trace, trace.current():
            self._entrance.origins.check(request)
            with self._entrance.door.call(record_of(request, PATH), credentials_of(request), Scope.DESCRIBE):
                offered = await self._entrance.speech.capabilities.get()
        return web.json_response(text=MessageToJson(offered, indent=None))
