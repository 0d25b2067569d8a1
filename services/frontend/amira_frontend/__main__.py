"""Entry point: `python -m amira_frontend`."""

from __future__ import annotations

import asyncio
import sys

import structlog

from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.logs import configure_logs
from amira_core.rpc.server import RpcServer, run_service, run_until_signal
from amira_core.settings import BadSettingsError
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up

_log = structlog.get_logger(__name__)


async def serve(settings: FrontendSettings) -> None:
    """Serves until a signal comes, then drains. Ready once the kernels are compiled."""
    server = RpcServer(settings.listen, "amira.frontend.v1.Frontend")
    frontend_pb2_grpc.add_FrontendServicer_to_server(FrontendServicer(settings), server.grpc)
    await server.start()
    try:
        await asyncio.to_thread(warm_up)
        await server.set_ready(True)
        _log.info("ready")
        await run_until_signal(drain=lambda: server.stop(settings.drain_timeout_s))
    finally:
        _log.info("stopping")
        await server.stop(0)


def main() -> int:
    """Returns the exit status: 2 when the settings are unusable or the address is taken."""
    try:
        settings = FrontendSettings.load()
    except BadSettingsError as error:
        configure_logs("frontend")
        _log.error("cannot_start", problem=str(error))
        return 2
    configure_logs("frontend", settings.log_level, settings.log_format)
    try:
        run_service(lambda: serve(settings))
    except OSError as error:
        _log.error("cannot_start", problem=str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
