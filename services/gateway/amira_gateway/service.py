"""The gateway put together: its ports, the services behind it, and its end."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Self

import structlog

from amira.asr.v1 import speech_pb2_grpc
from amira_core.metrics.registry import reading
from amira_core.rpc.server import RpcServer
from amira_gateway.access import AccessInterceptor, Door
from amira_gateway.adapters.grpc_services import add_foreign_services
from amira_gateway.adapters.wyoming import WyomingServer
from amira_gateway.metrics_readings import GatewayReadings
from amira_gateway.readiness import keep_ready
from amira_gateway.server import SpeechServicer, drain
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import WebServer

_log = structlog.get_logger(__name__)


class GatewayService:
    """Serves while it is entered and its background runs. Entering raises OSError for a taken address."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        door = Door.of(settings)
        access = AccessInterceptor(door, settings.unary_read_timeout_s)
        self._services = Services(settings.frontend_target, settings.decoder_target)
        self._servicer = SpeechServicer(self._services, settings)
        self._server = RpcServer(
            settings.listen,
            "amira.asr.v1.Speech",
            interceptors=[access],
            shares_port=settings.share_ports,
            own_address=settings.own_listen,
        )
        speech_pb2_grpc.add_SpeechServicer_to_server(self._servicer, self._server.grpc)
        add_foreign_services(self._server.grpc, self._servicer)
        self._ports: list[WebServer | WyomingServer] = []
        if settings.web_listen:
            self._ports.append(WebServer(settings, door, self._servicer, lambda: self._server.ready))
        if settings.wyoming_listen:
            self._ports.append(WyomingServer(settings, door, self._servicer))
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exit_:
            exit_.push_async_callback(self._services.close)
            for port in self._ports:
                exit_.push_async_callback(port.stop)
            exit_.push_async_callback(self._servicer.close)
            exit_.push_async_callback(self._server.stop, 0)
            await self._server.start()
            for port in self._ports:
                await port.start()
            exit_.enter_context(reading(GatewayReadings(self._server, self._servicer, self._services).read))
            self._exit = exit_.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        _log.info("stopping")
        await self._exit.aclose()

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What must run as long as the gateway does."""
        return [keep_ready(self._server, self._services), self._services.run(), self._servicer.loop_lag.run()]

    async def drain(self) -> None:
        """Lets running streams finish or move, then ends them."""
        await drain(self._server, self._servicer, self._settings.drain_timeout_s)
