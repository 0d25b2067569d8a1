"""Watches the models of a running Triton: notices one that is dead or hung and heals it.

What Triton reports about itself is not enough: its readiness stays true when the process that runs
a model is dead, and it never starts that process again.
"""

from __future__ import annotations

import asyncio
import time

import grpc
import structlog

from amira_core.rpc.server import cancel_and_wait
from amira_encoder import wire
from amira_triton import metrics
from amira_triton.control import TritonControl
from amira_triton.launcher import TritonServer
from amira_triton.models import LoadedModel
from amira_triton.settings import TritonSettings
from amira_triton.stub_process import find_stub, kill_stub, wait_for_exit

_log = structlog.get_logger(__name__)
_READY_POLL_S = 0.05


class TritonLostError(Exception):
    """The server ended, or a model cannot be healed: the server must be started anew."""


class Watchdog:
    """Watches one server until it is lost."""

    def __init__(self, server: TritonServer, control: TritonControl, settings: TritonSettings) -> None:
        self._server = server
        self._control = control
        self._settings = settings

    async def wait_until_ready(self) -> wire.Description:
        """Returns what the model says of itself once it answers.

        Raises:
            TritonLostError: the server ended first, or `start_timeout_s` passed.
        """
        answering = asyncio.create_task(self._poll_canary())
        ended = asyncio.create_task(self._server.wait())
        try:
            await asyncio.wait(
                [answering, ended],
                timeout=self._settings.start_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answering.done():
                return answering.result()
            if ended.done():
                raise TritonLostError(_exit_text(ended.result()))
            raise TritonLostError(f"no answer within {self._settings.start_timeout_s:g} s of its start")
        finally:
            await cancel_and_wait([answering, ended])

    async def watch(self, model: LoadedModel) -> None:
        """Watches a model; returns once it is superseded and nobody has needed it for `release_after_s`.

        Raises:
            TritonLostError: the server ended, or a reload did not help.
        """
        while (trouble := await self._next_trouble(model)) is not None:
            _log.warning("model_lost", model=model.name, reason=trouble)
            await self._heal(model)
            metrics.MODEL_RELOADS.inc()
            _log.info("model_reloaded", model=model.name, stub_pid=find_stub(self._server.pid, model.name))

    async def unload(self, model: LoadedModel) -> None:
        """Ends a model and its process, by force if need be."""
        try:
            await self._control.unload(model, self._settings.stop_timeout_s)
        except grpc.aio.AioRpcError as error:
            _log.warning("model_not_unloaded", model=model.name, reason=error.code().name)
            kill_stub(self._server.pid, model.name)

    async def _next_trouble(self, model: LoadedModel) -> str | None:
        """Waits until the model is dead or hung and says which; None: unneeded. Raises TritonLostError."""
        stub = find_stub(self._server.pid, model.name)
        if stub is None:
            return "the stub process is gone"
        ended = asyncio.create_task(self._server.wait())
        stub_gone = asyncio.create_task(wait_for_exit(stub))
        canary = asyncio.create_task(self._watch_canary(model))
        tasks = [ended, stub_gone, canary]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # A dying server takes its stub with it: give the server's own end time to show.
            await asyncio.wait([ended], timeout=0.1)
            if ended.done():
                raise TritonLostError(_exit_text(ended.result()))
            return "the stub process died" if stub_gone.done() else canary.result()
        finally:
            await cancel_and_wait(tasks)

    async def _watch_canary(self, model: LoadedModel) -> str | None:
        """Returns what is wrong with the model; None once it is superseded and unneeded."""
        while True:
            await asyncio.sleep(self._settings.canary_interval_ms / 1000)
            try:
                with metrics.CANARY.time():
                    found = await self._control.canary(self._settings.canary_timeout_ms / 1000, model.name)
            except grpc.aio.AioRpcError as error:
                return f"the canary failed: {error.code().name}"
            except ValueError as error:
                return f"the canary failed: {error}"
            if model.superseded_at is None:
                continue
            # A decoder that has yet to hear of the new model is given time, too.
            unneeded_s = min(found.unneeded_s, time.monotonic() - model.superseded_at)
            if unneeded_s > self._settings.release_after_s:
                return None

    async def _heal(self, model: LoadedModel) -> None:
        kill_stub(self._server.pid, model.name)
        try:
            await self._control.unload(model, self._settings.stop_timeout_s)
            await self._control.load(model, self._settings.start_timeout_s)
            await self._control.canary(self._settings.canary_timeout_ms / 1000, model.name)
        except (grpc.aio.AioRpcError, ValueError) as error:
            reason = error.code().name if isinstance(error, grpc.aio.AioRpcError) else str(error)
            raise TritonLostError(f"reloading the model failed: {reason}") from error

    async def _poll_canary(self) -> wire.Description:
        while True:
            try:
                return await self._control.canary(self._settings.start_timeout_s)
            except (grpc.aio.AioRpcError, ValueError):
                await asyncio.sleep(_READY_POLL_S)


def _exit_text(status: int) -> str:
    return (
        f"tritonserver was ended by signal {-status}" if status < 0 else f"tritonserver exited with {status}"
    )
