"""The decoder put together: its port, its servicer, and its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import structlog

from amira.decoder.v1 import decoder_pb2_grpc
from amira_core.errors import EncoderLostError
from amira_core.metrics.registry import reading
from amira_core.rpc.server import RpcServer
from amira_core.stop_signals import leave_start
from amira_core.tracing.process import accept_decisions
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.metrics_readings import DecoderReadings
from amira_decoder.model.folder import ModelFolderError
from amira_decoder.server import DecoderServicer
from amira_decoder.settings import DecoderSettings
from amira_encoder.errors import EncoderModelError, EngineUnavailableError

UNUSABLE: Final = (ModelFolderError, EncoderModelError, EngineUnavailableError)
"""Errors that only someone who changes something can mend."""
FAILED: Final = (EncoderLostError,)
"""Errors that another start may be without."""

_STATUS_GRACE_S: Final = 1.0
"""For the last streams' statuses to get out; calls whose peers do not read are cut off after it."""

_log = structlog.get_logger(__name__)


class DecoderService:
    """Serves while it is entered and its background runs; SIGHUP has it look for a new model.

    Making one, and its background, raise the errors in UNUSABLE and FAILED; entering it, OSError where the
    address is taken.
    """

    def __init__(self, settings: DecoderSettings) -> None:
        self._settings = settings
        self._decoder = StreamingDecoder(settings)
        self._server = RpcServer(settings.listen, "amira.decoder.v1.Decoder")
        decoder_pb2_grpc.add_DecoderServicer_to_server(DecoderServicer(self._decoder), self._server.grpc)
        if self._server.has_port:
            accept_decisions(self._server.grpc)
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._decoder.reload_model)
        async with AsyncExitStack() as exit_:
            exit_.push_async_callback(self._decoder.close)
            exit_.push_async_callback(self._server.stop, 0)
            await self._server.start()
            exit_.enter_context(reading(DecoderReadings(self._server, self._decoder).read))
            self._exit = exit_.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        _log.info("stopping")
        await self._exit.aclose()

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What must run as long as the decoder does."""
        return [self._decoder.run(on_ready=self._server.set_ready)]

    def leave_if_starting(self, service: str) -> None:
        """Ends the process if the decoder never was ready: kernels may be compiling for half a minute yet."""
        if not self._server.was_ready:
            leave_start(service, "SIGTERM or SIGINT")

    async def drain(self) -> None:
        """Health flips first; the port is closed last, so that new streams learn why they are refused."""
        self.leave_if_starting("decoder")
        await self._server.set_ready(False)
        await self._decoder.drain(self._settings.drain_timeout_s)
        await self._server.stop(_STATUS_GRACE_S)
