"""When the gateway says SERVING.

NOT_SERVING until the frontend and the decoder have each been healthy at the same moment once; then
SERVING until the process drains. It is not taken back when a service behind is lost or full: every
gateway would leave the load balancer at once, and clients would see a dead address in place of a
status that names what is missing and when to try again (FRONTEND_LOST, DECODER_LOST, NO_CAPACITY).
"""

from __future__ import annotations

import asyncio

import structlog

from amira_core.rpc.server import RpcServer
from amira_gateway.services import Services

_log = structlog.get_logger(__name__)

_RETRY_S = 0.25
_LOG_EVERY = 40  # tries: ten seconds


async def keep_ready(server: RpcServer, services: Services) -> None:
    """Makes the server ready once its services are; never returns."""
    tries = 0
    while missing := await services.unhealthy():
        if tries % _LOG_EVERY == 0:
            _log.info("waiting_for_services", missing=missing)
        tries += 1
        await asyncio.sleep(_RETRY_S)
    await server.set_ready(True)
    _log.info("ready")
    await asyncio.Event().wait()
