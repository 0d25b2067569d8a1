"""Keeps one Triton running: start, watch, start again."""

from __future__ import annotations

import asyncio

import structlog

from amira_triton import shared_memory
from amira_triton.addresses import AddressInUseError
from amira_triton.control import TritonControl
from amira_triton.launcher import TritonServer
from amira_triton.layout import TritonLayout
from amira_triton.settings import TritonSettings
from amira_triton.watchdog import TritonLostError, Watchdog

_log = structlog.get_logger(__name__)


class TritonStartError(RuntimeError):
    """The first start failed; the message holds what Triton said."""


class Supervisor:
    """Runs Triton until cancelled, and leaves nothing of it behind."""

    def __init__(self, layout: TritonLayout, settings: TritonSettings) -> None:
        self._layout = layout
        self._settings = settings
        self._backoff_ms = settings.restart_backoff_ms
        self._was_ready = False

    async def run(self) -> None:
        """Starts Triton and restarts it whenever it is lost.

        A first start that fails is final, since nothing will change by itself; once Triton has been
        ready, restarts go on for ever, with growing pauses.

        Raises:
            TritonStartError: Triton never became ready.
            AddressInUseError: one of its ports is taken at the first start.
        """
        if removed := shared_memory.remove_leftovers():
            _log.info("leftover_shared_memory_removed", regions=removed)
        while True:
            await self._run_once()
            _log.info("triton_restarting", pause_ms=self._backoff_ms)
            await asyncio.sleep(self._backoff_ms / 1000)
            self._backoff_ms = min(2 * self._backoff_ms, self._settings.restart_backoff_max_ms)

    async def _run_once(self) -> None:
        server = TritonServer(self._layout, self._settings)
        try:
            await server.start()
            async with TritonControl(self._settings.grpc_address, server.admin_key) as control:
                watchdog = Watchdog(server, control, self._settings)
                await watchdog.wait_until_ready()
                _log.info("triton_ready", pid=server.pid, grpc=self._settings.grpc_address)
                self._was_ready = True
                self._backoff_ms = self._settings.restart_backoff_ms
                await watchdog.run()
        except TritonLostError as error:
            if not self._was_ready:
                raise TritonStartError(
                    f"Triton did not start: {error}\n{server.log.last_errors()}"
                ) from error
            _log.error("triton_lost", reason=str(error))
        except AddressInUseError as error:
            if not self._was_ready:
                raise
            _log.error("triton_lost", reason=str(error))
        finally:
            await server.stop()
