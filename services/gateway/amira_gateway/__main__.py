"""Entry point: `python -m amira_gateway`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("gateway")  # the imports below take seconds

import sys

import structlog

from amira.asr.v1 import speech_pb2_grpc
from amira_core.metrics.registry import reading
from amira_core.rpc.server import RpcServer, run_until_signal
from amira_core.service import run_service
from amira_gateway.access import AccessInterceptor, Door
from amira_gateway.metrics_readings import GatewayReadings
from amira_gateway.readiness import keep_ready
from amira_gateway.server import SpeechServicer, drain
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import WebServer

_log = structlog.get_logger(__name__)


async def serve(settings: GatewaySettings) -> None:
    """Serves until a signal comes, then drains."""
    door = Door.of(settings)
    access = AccessInterceptor(door, settings.unary_read_timeout_s)
    services = Services(settings.frontend_target, settings.decoder_target)
    servicer = SpeechServicer(services, settings)
    server = RpcServer(settings.listen, "amira.asr.v1.Speech", interceptors=[access])
    speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
    web = WebServer(settings, door, servicer, lambda: server.ready) if settings.web_listen else None
    try:
        await server.start()
        if web is not None:
            await web.start()
        with reading(GatewayReadings(server, servicer, services).read):
            await run_until_signal(
                keep_ready(server, services),
                services.run(),
                servicer.loop_lag.run(),
                drain=lambda: drain(server, servicer, settings.drain_timeout_s),
            )
    finally:
        _log.info("stopping")
        await server.stop(0)
        await servicer.close()
        if web is not None:
            await web.stop()
        await services.close()


def main() -> int:
    """Returns the exit status: 2 when the settings are unusable or the address is taken."""
    return run_service("gateway", GatewaySettings, serve)


if __name__ == "__main__":
    sys.exit(main())
