"""Watches a running Triton: notices a dead or hung model and heals it.

What Triton reports about itself is not enough: its readiness stays true when the process that runs
the model is dead, and it never starts that process again.
"""

from __future__ import annotations

import asyncio

import grpc
import structlog

from amira_core.rpc.server import cancel_and_wait
from amira_triton.control import TritonControl
from amira_triton.launcher import TritonServer
from amira_triton.settings import TritonSettings
from amira_triton.stub_process import find_stub, kill_stub, wait_for_exit

_log = structlog.get_logger(__name__)
_READY_POLL_S = 0.05


class TritonLostError(Exception):
    """The server ended, or its model cannot be healed: the server must be started anew."""


class Watchdog:
    """Watches one server until it is lost."""

    def __init__(self, server: TritonServer, control: TritonControl, settings: TritonSettings) -> None:
        self._server = server
        self._control = control
        self._settings = settings

    async def wait_until_ready(self) -> None:
        """Returns when the model answers.

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
                answering.result()
                return
            if ended.done():
                raise TritonLostError(_exit_text(ended.result()))
            raise TritonLostError(f"no answer within {self._settings.start_timeout_s:g} s of its start")
        finally:
            await cancel_and_wait([answering, ended])

    async def run(self) -> None:
        """Watches for ever.

        Raises:
            TritonLostError: the server ended, or a reload did not help.
        """
        while True:
            trouble = await self._next_trouble()
            _log.warning("model_lost", reason=trouble)
            await self._heal()
            _log.info("model_reloaded", stub_pid=find_stub(self._server.pid))

    async def _next_trouble(self) -> str:
        """Waits until the model is dead or hung and says which; raises when the server ends."""
        stub = find_stub(self._server.pid)
        if stub is None:
            return "the stub process is gone"
        ended = asyncio.create_task(self._server.wait())
        stub_gone = asyncio.create_task(wait_for_exit(stub))
        canary = asyncio.create_task(self._failing_canary())
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

    async def _failing_canary(self) -> str:
        while True:
            await asyncio.sleep(self._settings.canary_interval_ms / 1000)
            try:
                await self._control.canary(self._settings.canary_timeout_ms / 1000)
            except grpc.aio.AioRpcError as error:
                return f"the canary failed: {error.code().name}"

    async def _heal(self) -> None:
        kill_stub(self._server.pid)
        try:
            await self._control.reload(self._settings.stop_timeout_s, self._settings.start_timeout_s)
            await self._control.canary(self._settings.canary_timeout_ms / 1000)
        except grpc.aio.AioRpcError as error:
            raise TritonLostError(f"reloading the model failed: {error.code().name}") from error

    async def _poll_canary(self) -> None:
        while True:
            try:
                await self._control.canary(self._settings.start_timeout_s)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(_READY_POLL_S)
            else:
                return


def _exit_text(status: int) -> str:
    return (
        f"tritonserver was ended by signal {-status}" if status < 0 else f"tritonserver exited with {status}"
    )
