"""The gateway's HTTP port."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from aiohttp import web

from amira_core.rpc.server import warn_of_plaintext
from amira_gateway.access import Door
from amira_gateway.server import SpeechServicer
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import amira, deepgram, openai, page, vosk
from amira_gateway.web.cross_origin import CrossOrigin
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.malformed import protocol_log, refuse_undecodable
from amira_gateway.web.origins import Origins
from amira_gateway.web.tls import web_tls
from amira_gateway.web.unknown import explain_unknown

_log = structlog.get_logger(__name__)

_IDLE_CONNECTION_S = 15.0
"""A connection without a request, and one whose request does not come to an end of its headers."""
_LAST_ANSWERS_S = 2.0
"""A stream that has just ended is drained; its answer may still be on its way."""


class WebServer:
    """One HTTP port beside the gRPC one, with the same door and the same sessions."""

    def __init__(
        self, settings: GatewaySettings, door: Door, speech: SpeechServicer, ready: Callable[[], bool]
    ) -> None:
        """`ready`: whether the gateway takes streams. Raises TlsError."""
        self._address = settings.web_listen
        self._ready = ready
        self._shares_port = settings.share_ports
        self._tls = web_tls(settings)
        origins = Origins(settings.web_origins)
        entrance = Entrance(speech, door, origins, settings)
        elsewhere = CrossOrigin(origins)
        application = web.Application(
            middlewares=[refuse_undecodable, elsewhere.middleware(), explain_unknown]
        )
        application.on_response_prepare.extend((_harden, elsewhere.allow))
        for routes in (amira.routes, deepgram.routes, openai.routes, page.routes, vosk.routes):
            application.router.add_routes(routes(entrance))
        application.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=protocol_log(),
            handle_signals=False,
            keepalive_timeout=_IDLE_CONNECTION_S,
            shutdown_timeout=_LAST_ANSWERS_S,
            handler_cancellation=True,  # who has gone needs no answer, and no place
        )

    async def start(self) -> int:
        """Binds and starts; returns the port. Raises OSError when the address is taken."""
        host, _, port = self._address.rpartition(":")
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            host.strip("[]"),
            int(port),
            ssl_context=self._tls,
            reuse_port=self._shares_port,
        )
        await site.start()
        if self._tls is None:
            warn_of_plaintext(self._address)
        taken = int(self._runner.addresses[0][1])
        _log.info("listening", serves="web", port=taken, tls=self._tls is not None)
        return taken

    async def stop(self) -> None:
        """Ends what is still connected."""
        await self._runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        ready = self._ready()
        return web.json_response(
            {"status": "SERVING" if ready else "NOT_SERVING"}, status=200 if ready else 503
        )


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "amira"
    response.headers["X-Content-Type-Options"] = "nosniff"
