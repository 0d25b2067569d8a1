"""The frontend put together: its port, its servicer, and its end."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import Final, Self

import structlog

from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.metrics.registry import reading
from amira_core.rpc.server import RpcServer
from amira_core.tracing.process import accept_decisions
from amira_frontend.metrics import FrontendReadings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up

_log = structlog.get_logger(__name__)

_STATUS_GRACE_S: Final = 1.0
"""For the last streams' statuses to get out."""


class FrontendService:
    """Serves while it is entered, ready once the kernels are compiled. Raises OSError for a taken address."""

    def __init__(self, settings: FrontendSettings) -> None:
        self._settings = settings
        self._server = RpcServer(settings.listen, "amira.frontend.v1.Frontend")
        self._servicer = FrontendServicer(settings)
        frontend_pb2_grpc.add_FrontendServicer_to_server(self._servicer, self._server.grpc)
        if self._server.has_port:
            accept_decisions(self._server.grpc)
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exit_:
            exit_.push_async_callback(self._server.stop, 0)
            await self._server.start()
            readings = FrontendReadings(self._server, self._servicer, self._settings.max_streams)
            exit_.enter_context(reading(readings.read))
            await asyncio.to_thread(warm_up)
            await self._server.set_ready(True)
            _log.info("ready")
            self._exit = exit_.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        _log.info("stopping")
        await self._exit.aclose()

    async def drain(self) -> None:
        """Health flips first; the port is closed last, so that new streams learn why they are refused."""
        timeout_s = self._settings.drain_timeout_s
        _log.info("draining", streams=self._servicer.streams)
        await self._server.set_ready(False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s + _STATUS_GRACE_S):
                await self._servicer.drain(timeout_s)
        await self._server.stop(_STATUS_GRACE_S)
