"""The gateway's HTTP port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from amira_core import errors
from amira_core.incidents import reported
from amira_core.rpc.server import warn_of_plaintext
from amira_gateway.access import Door
from amira_gateway.server import SpeechServicer
from amira_gateway.session.client import ClientGoneError
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import socket
from amira_gateway.web.failures import http_status, retry_headers, status_body
from amira_gateway.web.malformed import protocol_log, refuse_undecodable
from amira_gateway.web.origins import Origins
from amira_gateway.web.tls import web_tls

_log = structlog.get_logger(__name__)

_IDLE_CONNECTION_S = 15.0
"""A connection without a request, and one whose request does not come to an end of its headers."""
_BASE64 = 4 / 3
_ROOM_FOR_FIELDS = 4096

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """One HTTP port beside the gRPC one, with the same door and the same sessions."""

    def __init__(
        self, settings: GatewaySettings, door: Door, speech: SpeechServicer, ready: Callable[[], bool]
    ) -> None:
        """`ready`: whether the gateway takes streams. Raises TlsError."""
        self._address = settings.web_listen
        self._ready = ready
        self._tls = web_tls(settings)
        application = web.Application(middlewares=[refuse_undecodable, _report_errors])
        application.on_response_prepare.append(_harden)
        most = int(settings.max_message_audio_bytes * _BASE64) + _ROOM_FOR_FIELDS
        sockets = socket.SpeechSocket(speech, door, Origins(settings.web_origins), most)
        application.router.add_get(socket.PATH, sockets.handle)
        application.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=protocol_log(),
            handle_signals=False,
            keepalive_timeout=_IDLE_CONNECTION_S,
            shutdown_timeout=0,
        )

    async def start(self) -> int:
        """Binds and starts; returns the port. Raises OSError when the address is taken."""
        host, _, port = self._address.rpartition(":")
        await self._runner.setup()
        site = web.TCPSite(self._runner, host.strip("[]"), int(port), ssl_context=self._tls)
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


@web.middleware
async def _report_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except ClientGoneError:
        return web.Response(status=499)  # nobody reads it
    except Exception as error:  # noqa: BLE001 - the outermost frame of a request: nothing may pass
        return _refusal(reported(error, request.path))


def _refusal(error: errors.AmiraError) -> web.Response:
    return web.json_response(
        {"error": status_body(error)}, status=http_status(error), headers=retry_headers(error)
    )


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "amira"
    response.headers["X-Content-Type-Options"] = "nosniff"
