"""Entry point: `python -m amira_frontend`."""

from __future__ import annotations

from amira_core.stop_signals import exit_on_signal

exit_on_signal("frontend")  # the imports below take seconds

import asyncio
import contextlib
import sys
from typing import Final

import structlog

from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.metrics.registry import reading
from amira_core.rpc.server import RpcServer, run_until_signal
from amira_core.service import run_service
from amira_core.tracing.process import accept_decisions
from amira_frontend.metrics import FrontendReadings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up

_log = structlog.get_logger(__name__)

_STATUS_GRACE_S: Final = 1.0
"""For the last streams' statuses to get out."""


async def serve(settings: FrontendSettings) -> None:
    """Serves until a signal comes, then drains. Ready once the kernels are compiled."""
    server = RpcServer(settings.listen, "amira.frontend.v1.Frontend")
    servicer = FrontendServicer(settings)
    frontend_pb2_grpc.add_FrontendServicer_to_server(servicer, server.grpc)
    accept_decisions(server.grpc)
    await server.start()
    try:
        with reading(FrontendReadings(server, servicer, settings.max_streams).read):
            await asyncio.to_thread(warm_up)
            await server.set_ready(True)
            _log.info("ready")
            await run_until_signal(drain=lambda: _drain(server, servicer, settings.drain_timeout_s))
    finally:
        _log.info("stopping")
        await server.stop(0)


async def _drain(server: RpcServer, servicer: FrontendServicer, timeout_s: float) -> None:
    """Health flips first; the port is closed last, so that new streams learn why they are refused."""
    _log.info("draining", streams=servicer.streams)
    await server.set_ready(False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s + _STATUS_GRACE_S):
            await servicer.drain(timeout_s)
    await server.stop(_STATUS_GRACE_S)


def main() -> int:
    """Returns the exit status: 2 when the settings are unusable or the address is taken."""
    return run_service("frontend", FrontendSettings, serve)


if __name__ == "__main__":
    sys.exit(main())
