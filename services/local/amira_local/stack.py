"""The whole of Amira on one machine, as processes on loopback.

    async with LocalStack(StackOptions(ephemeral_ports=True)) as stack:
        async with stack.client() as client:
            ...

Starts wave by wave in order of dependency, watches every process, restarts those that die, and
stops everything in reverse order. Nothing outlives the thread that runs the stack (the kernel sees to
it, on Linux), so keep its event loop running.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Literal, Self

import grpc

from amira_client import AmiraClient
from amira_core.rpc.channel import open_channel
from amira_core.rpc.server import cancel_and_wait
from amira_core.security.certificates import TlsError
from amira_local.health import POLL_S, Probe, is_serving
from amira_local.log_files import LogFiles
from amira_local.options import StackOptions
from amira_local.ports import is_taken
from amira_local.process import ServiceProcess, describe_exit
from amira_local.security.callers import why_not_callable
from amira_local.security.stack_access import StackAccess
from amira_local.services import Service, plan
from amira_local.starting import problem_at_start

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_STEADY_S = 30.0

EventKind = Literal["starting", "ready", "died", "restarting", "gave_up", "stopping", "stopped"]


class StackError(Exception):
    """The stack cannot start or cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class StackEvent:
    """Something happened to a service."""

    kind: EventKind
    service: str
    detail: str = ""
    """For people: the address, the exit status, the pause."""
    last_lines: tuple[str, ...] = ()
    """The end of its output, when it died."""


OnEvent = Callable[[StackEvent], None]
OnLine = Callable[[str, str], None]


class LocalStack:
    """Runs the services that `options` ask for.

    Args:
        options: what to run.
        on_event: called at each change of a service's state.
        on_line: called with (service, line) for each line that a service writes.

    Attributes:
        processes: the running processes by service name; a restart replaces the entry.
        targets: gRPC addresses by service name.
        metrics: addresses of their metrics by service name, without the path.
        access: how its services are called, where they want TLS or certificates.
    """

    def __init__(
        self, options: StackOptions, *, on_event: OnEvent | None = None, on_line: OnLine | None = None
    ) -> None:
        self.options = options
        self.processes: dict[str, ServiceProcess] = {}
        self._waves = plan(options)
        self.targets = {service.name: service.target for service in self._services()}
        self.metrics = {service.name: service.metrics for service in self._services()}
        self.access = StackAccess({**os.environ, **options.env})
        self._on_event = on_event or (lambda event: None)
        self._on_line = on_line or (lambda service, line: None)
        self._files = LogFiles(options.log_dir)
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[StackError] | None = None
        self._stopping = False

    @property
    def gateway_target(self) -> str:
        """Where clients connect."""
        return self._gateway.public_target

    @property
    def web_address(self) -> str:
        """Where the gateway serves HTTP and WebSockets."""
        return self._gateway.web

    def client(self) -> AmiraClient:
        """A client of the gateway, whatever it wants of its clients. Raises TlsError."""
        return self.access.client(self.gateway_target)

    def channel(self, service: str) -> grpc.aio.Channel:
        """A channel to one of the services. Raises TlsError."""
        return open_channel(self.targets[service], tls=self.access.to(service))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when every service is healthy. On any error, everything is stopped first.

        Raises:
            StackError: a port is taken, a folder is missing, a service died or was too slow.
        """
        self._check()
        self._failed = asyncio.get_running_loop().create_future()
        try:
            for wave in self._waves:
                await self._start_wave(wave)
        except BaseException:
            await self.stop()
            raise
        for service in self._services():
            watcher = asyncio.create_task(self._watch(service), name=service.name)
            watcher.add_done_callback(self._watcher_ended)
            self._watchers[service.name] = watcher

    async def stop(self) -> None:
        """Stops everything in reverse order; returns when no process is left. Safe to call twice."""
        self._stopping = True
        await cancel_and_wait([*self._watchers.values()])
        for name in [service.name for service in reversed(self._services())]:
            process = self.processes.pop(name, None)
            if process is None:
                continue
            self._tell("stopping", name)
            by_itself = await process.stop(self.options.stop_timeout_s)
            self._tell("stopped", name, "" if by_itself else "killed: it did not stop in time")
        self._files.close()

    def kill_now(self) -> None:
        """SIGKILL to every process: the second Ctrl-C. :meth:`stop` must still be awaited."""
        self._stopping = True
        for process in self.processes.values():
            process.kill()

    async def failure(self) -> StackError:
        """Waits until a service is given up; returns why."""
        assert self._failed is not None, "start() first"
        return await asyncio.shield(self._failed)

    async def wait_ready(self, name: str, *, not_pid: int | None = None, timeout_s: float = 60.0) -> None:
        """Waits until a service is healthy; with `not_pid`, in a process other than that one.

        Raises:
            TimeoutError: it did not become healthy in time.
        """
        async with asyncio.timeout(timeout_s):
            while not await self._is_ready(name, not_pid):  # noqa: ASYNC110 - asked over the network
                await asyncio.sleep(POLL_S)

    async def _is_ready(self, name: str, not_pid: int | None) -> bool:
        if self.processes[name].pid == not_pid:
            return False
        return await is_serving(self.targets[name], partial(self.access.to, name))

    @property
    def _gateway(self) -> Service:
        return next(service for service in self._services() if service.public_target)

    def _services(self) -> list[Service]:
        return [service for wave in self._waves for service in wave]

    def _check(self) -> None:
        if not self.options.model_dir.is_dir():
            raise StackError(f"There is no model folder at {self.options.model_dir}: give one with --model.")
        if self.options.nodes > 1 and self.options.encoder == "triton":
            raise StackError(
                "Several nodes cannot share a Triton: add --encoder in-process, or run one node."
            )
        try:
            self._files.prepare()
        except OSError as error:
            raise StackError(
                f"Cannot write log files to {self.options.log_dir}: {error.strerror or error}."
            ) from error
        try:
            self.access.check(self.targets)
        except TlsError as error:
            raise StackError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        for service in self._services():
            for port in service.ports:
                if is_taken(port):
                    raise StackError(
                        f"Port {port}, which the {service.name} needs, is taken: is another Amira running? "
                        "Stop what listens there, or use --port for the gateway and --ephemeral-ports "
                        "for the rest."
                    )

    async def _start_wave(self, wave: list[Service]) -> None:
        needed = tuple(self.processes.values())
        starting = [asyncio.create_task(self._start_one(service, needed=needed)) for service in wave]
        try:
            await asyncio.gather(*starting)
        finally:
            await cancel_and_wait(starting)
        for service in wave:
            if problem := await why_not_callable(self.access, service.name, service.target):
                raise StackError(problem)

    async def _start_one(self, service: Service, *, needed: Iterable[ServiceProcess] = ()) -> None:
        """Spawns a service and waits until it is healthy.

        Raises:
            StackError: it died, or one of the `needed` did, or it took too long.
        """
        self._tell("starting", service.name, service.target)
        process = await self._spawn(service)
        probe = Probe(service.target, partial(self.access.to, service.name))
        if problem := await problem_at_start(process, needed, probe, self.options.start_timeout_s):
            raise StackError(problem)
        self._tell("ready", service.name, f"{service.target}, pid {process.pid}")

    async def _spawn(self, service: Service) -> ServiceProcess:
        def on_line(line: str) -> None:
            problem = self._files.write(service.name, line)
            self._on_line(service.name, line)
            if problem is not None:
                self._on_line(service.name, problem)

        environment = service.environment(self.options.env)
        try:
            process = await ServiceProcess.start(
                service.name, service.module, service.target, environment, on_line
            )
        except OSError as error:  # out of processes, memory or files
            raise StackError(f"The {service.name} cannot be started: {error.strerror or error}.") from error
        self.processes[service.name] = process
        return process

    async def _watch(self, service: Service) -> None:
        """Restarts a service whenever it dies, with longer pauses while it keeps dying."""
        loop = asyncio.get_running_loop()
        deaths, ready_since = 0, loop.time()
        while True:
            process = self.processes[service.name]
            status = await process.wait()
            if self._stopping:
                return
            deaths = 1 if loop.time() - ready_since > _STEADY_S else deaths + 1
            lines = tuple(process.recent_lines)
            self._tell("died", service.name, describe_exit(status), lines)
            if not self.options.restart:
                return
            if deaths > self.options.max_restarts:
                self._give_up(service.name, deaths)
                return
            pause_s = min(_FIRST_PAUSE_S * 2 ** (deaths - 1), _LONGEST_PAUSE_S)
            self._tell("restarting", service.name, f"in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            await self._restart(service)
            ready_since = loop.time()

    def _watcher_ended(self, watcher: asyncio.Task[None]) -> None:
        if not watcher.cancelled() and (error := watcher.exception()) is not None:
            self._fail(StackError(f"The {watcher.get_name()} is not watched over any more: {error!r}"))

    async def _restart(self, service: Service) -> None:
        try:
            await self._start_one(service)
        except StackError:
            process = self.processes[service.name]
            if process.returncode is None:
                await process.stop(0)  # alive but never healthy: the watcher counts it as dead

    def _give_up(self, name: str, deaths: int) -> None:
        self._tell("gave_up", name, f"it died {deaths} times in a row")
        self._fail(StackError(f"The {name} died {deaths} times in a row."))

    def _fail(self, error: StackError) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(error)

    def _tell(self, kind: EventKind, service: str, detail: str = "", lines: tuple[str, ...] = ()) -> None:
        self._on_event(StackEvent(kind, service, detail, lines))
