"""Keeps one Triton running: start, watch, start again; swap its model; let its streams go before it stops."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import grpc
import structlog

from amira_encoder import wire
from amira_encoder.model_watch import ModelWatch
from amira_triton import metrics, shared_memory, stub_process
from amira_triton.addresses import AddressInUseError
from amira_triton.control import TritonControl
from amira_triton.launcher import TritonServer
from amira_triton.layout import TritonLayout
from amira_triton.models import LoadedModel, Models
from amira_triton.settings import TritonSettings
from amira_triton.swap import ModelRefusedError, load_new_model
from amira_triton.watchdog import TritonLostError, Watchdog

_log = structlog.get_logger(__name__)

_DRAIN_POLL_S = 0.2
_SILENT_S = 3.0  # a decoder with streams is heard of every second


class TritonStartError(RuntimeError):
    """The first start failed; the message holds what Triton said."""


class Supervisor:
    """Runs Triton until cancelled, and leaves nothing of it behind."""

    def __init__(self, layout: TritonLayout, settings: TritonSettings) -> None:
        self._layout = layout
        self._settings = settings
        self._backoff_ms = settings.restart_backoff_ms
        self._was_ready = False
        self._watch = ModelWatch(settings.model_dir, settings.model_watch_s)
        # Where the last good model lies: a broken one in its place must not keep Triton from starting again.
        self._model_dir = settings.model_dir.resolve()
        self._models = Models()
        self._loading = asyncio.Lock()
        self._control: TritonControl | None = None
        self.pid: int | None = None
        """Process id of a Triton whose model answers; None while there is none."""

    def reload_model(self) -> None:
        """Loads what is in the model folder now beside what runs; new streams use it."""
        self._watch.look_now()

    async def run(self) -> None:
        """Starts Triton and restarts it whenever it is lost.

        A first start that fails is final, since nothing will change by itself; once Triton has been
        ready, restarts go on for ever, with growing pauses.

        Raises:
            TritonStartError: Triton never became ready.
            AddressInUseError: one of its ports is taken at the first start.
        """
        if killed := stub_process.kill_leftovers(shared_memory.is_leftover):
            _log.warning("leftover_stubs_killed", pids=killed)
        if removed := shared_memory.remove_leftovers():
            _log.info("leftover_shared_memory_removed", regions=removed)
        while True:
            await self._run_once()
            _log.info("triton_restarting", pause_ms=self._backoff_ms)
            await asyncio.sleep(self._backoff_ms / 1000)
            self._backoff_ms = min(2 * self._backoff_ms, self._settings.restart_backoff_max_ms)

    async def drain(self) -> None:
        """Tells the decoder that Triton is about to stop, and waits until no stream is left in it.

        Waits `drain_timeout_s` at most. The decoder hands its streams over meanwhile.
        """
        try:
            shared_memory.drain_file().touch()
        except OSError as error:
            _log.error("cannot_drain", problem=str(error))
            return
        _log.info("draining")
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_timeout_s):
                while await self._has_streams():  # noqa: ASYNC110 - the models can only be asked
                    await asyncio.sleep(_DRAIN_POLL_S)
                return
        _log.warning("drain_timeout")

    async def _has_streams(self) -> bool:
        if self._control is None:
            return False
        for model in list(self._models.loaded):
            try:
                found = await self._control.canary(self._settings.canary_timeout_ms / 1000, model.name)
            except (grpc.aio.AioRpcError, ValueError):
                continue  # whoever had streams in it has lost them
            if found.without_streams_s < _SILENT_S:
                return True
        return False

    async def _run_once(self) -> None:
        server = TritonServer(self._layout, self._settings, self._model_dir)
        metrics.STARTS.inc()
        try:
            await server.start()
            address, repository = self._settings.grpc_address, self._layout.model_repository
            async with TritonControl(address, server.admin_key, repository) as control:
                watchdog = Watchdog(server, control, self._settings)
                found = await watchdog.wait_until_ready()
                _log.info("triton_ready", pid=server.pid, grpc=address, engine=found.engine)
                self._was_ready = True
                self._backoff_ms = self._settings.restart_backoff_ms
                self._control, self.pid = control, server.pid
                await self._serve(watchdog, control, found)
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
            self._control, self.pid = None, None
            await server.stop()

    async def _serve(self, watchdog: Watchdog, control: TritonControl, found: wire.Description) -> None:
        """Watches the models and swaps them. Raises TritonLostError."""
        first = LoadedModel(wire.MODEL_NAME, self._model_dir, found.fingerprint)
        self._models = Models([first])
        losses: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_model(first, watchdog))
                while True:
                    await self._watch.changed()
                    if (loaded := await self._swap(control)) is not None:
                        tasks.create_task(self._watch_model(loaded, watchdog))
        except* TritonLostError as group:
            losses += group.exceptions
        if losses:
            raise losses[0]

    async def _watch_model(self, model: LoadedModel, watchdog: Watchdog) -> None:
        """Until nobody needs the model any more; unloads it then."""
        while True:
            await watchdog.watch(model)
            async with self._loading:
                if model.superseded_at is not None:
                    self._models.forget(model)
                    await watchdog.unload(model)
                    _log.info("model_unloaded", model=model.name, folder=model.folder.name)
                    return

    async def _swap(self, control: TritonControl) -> LoadedModel | None:
        """Makes what is in the model folder the current model; returns it if it had to be loaded."""
        models = self._models
        async with self._loading:
            try:
                loaded = await load_new_model(models, control, self._settings)
            except ModelRefusedError as error:
                _log.error("model_refused", problem=str(error), kept=models.current.folder.name)
                return None
        current = models.current
        self._model_dir = current.folder
        _log.info("model_current", model=current.name, folder=current.folder.name, loaded=loaded is not None)
        return loaded
