"""Entry point: `python -m amira_frontend`."""

from __future__ import annotations

import asyncio
import sys

import structlog

from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.rpc.server import RpcServer, run_until_signal
from amira_core.service import run_service
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
    return run_service("frontend", FrontendSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
