"""A gRPC server with everything that each service has: errors, health, reflection, signals."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from amira_core import garbage
from amira_core.rpc.health import SERVICE_NAME as HEALTH_SERVICE_NAME
from amira_core.rpc.health import Health
from amira_core.rpc.in_process import InProcessServer, in_process_name
from amira_core.rpc.interceptor import ErrorInterceptor
from amira_core.rpc.options import SERVER_OPTIONS
from amira_core.security.connection_limits import CONNECTION_LIMITS
from amira_core.security.transport import Transport, current_transport
from amira_core.stop_signals import STOP_SIGNALS, end_on_signal
from amira_core.tracing.process import server_interceptors

_log = structlog.get_logger(__name__)


class RpcServer:
    """One service on one port, NOT_SERVING until :meth:`set_ready`.

    Usage::

        server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
        add_SpeechServicer_to_server(servicer, server.grpc)
        port = await server.start()
        await warm_up()
        await server.set_ready(True)
        ...
        await server.stop(grace_s=10)
    """

    def __init__(
        self,
        address: str,
        service_name: str,
        *,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        transport: Transport | None = None,
        options: Sequence[tuple[str, Any]] = (),
        shares_port: bool = False,
        own_address: str = "",
    ) -> None:
        """Args:
        address: ``host:port``; port 0 takes a free one. Or ``in-process:NAME``, for this process alone.
        service_name: as in the proto; its health is that of the server.
        interceptors: may raise AmiraError in place of the handler.
        transport: TLS and reflection; None: as this process was configured.
        options: further grpc options; they win over the common ones.
        shares_port: other processes may listen on `address`, too; the kernel shares out connections.
        own_address: ``host:port`` at which only this server answers, beside `address`; empty: none.
        """
        self.address = address
        self.ready = False
        """What health says."""
        self.was_ready = False
        """Whether it ever said so."""
        self._service_name = service_name
        self._transport = transport or current_transport()
        self._name = in_process_name(address)
        self.grpc = self._make_server(
            [*server_interceptors(), ErrorInterceptor(), *interceptors],
            [*options, *((("grpc.so_reuseport", 1),) if shares_port else ())],
        )
        self._own_address = own_address
        self._health = Health("", service_name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        if self._transport.reflection and self._name is None:
            reflection.enable_server_reflection(
                [service_name, HEALTH_SERVICE_NAME, reflection.SERVICE_NAME], self.grpc
            )

    @property
    def has_port(self) -> bool:
        """Whether others than this process can reach it."""
        return self._name is None

    async def start(self) -> int:
        """Binds and starts; returns the port (0 within the process). Raises OSError when it is taken."""
        try:
            port = 0 if self._name is not None else self._add_port(self.address)
            if self._own_address:
                self._add_port(self._own_address)
            await self.grpc.start()
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self.address}: it is taken, or not an address here") from error
        _log.info("listening", serves=self._service_name, port=port, tls=self._transport.server is not None)
        return port

    def _make_server(
        self, interceptors: Sequence[grpc.aio.ServerInterceptor], options: Sequence[tuple[str, Any]]
    ) -> grpc.aio.Server:
        if self._name is not None:
            return InProcessServer(self._name, interceptors)
        merged = {**dict(SERVER_OPTIONS), **dict(CONNECTION_LIMITS), **dict(options)}
        return grpc.aio.server(interceptors=interceptors, options=list(merged.items()))

    def _add_port(self, address: str) -> int:
        if self._transport.server is not None:
            return self.grpc.add_secure_port(address, self._transport.server.credentials())
        warn_of_plaintext(address)
        return self.grpc.add_insecure_port(address)

    async def set_ready(self, ready: bool) -> None:
        """Flips the health of the service, and of the server as a whole."""
        if ready and not self.was_ready:
            garbage.ready()
        self.ready = ready
        self.was_ready |= ready
        self._health.set_ready(ready)

    async def stop(self, grace_s: float) -> None:
        """Refuses new calls, gives running ones `grace_s` seconds, then cancels them."""
        self.ready = False
        self._health.shut_down()
        await self.grpc.stop(grace_s)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server on `address` (``host:port`` or ``unix:path``)."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may lead anywhere
        return False


def warn_of_plaintext(address: str) -> None:
    """Says in the log when others than this machine can reach a server without TLS on `address`."""
    if not is_loopback(address):
        _log.warning(
            "plaintext_beyond_this_machine",
            address=address,
            hint="what people say travels unencrypted: set TLS_CERT and TLS_KEY",
        )


async def run_until_signal(
    *background: Awaitable[Any], drain: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Waits for SIGTERM or SIGINT, or for a background task to end, whichever comes first.

    asyncio handles neither signal by itself, and a background task that dies must take the process
    with it rather than leave a server that answers health checks and does nothing. A second signal
    ends the process at once: a drain can be cut short.

    Args:
        background: what must run as long as the service does.
        drain: awaited after a signal, while the background still runs (finishing the calls needs it).

    Raises:
        Whatever a background task died of; RuntimeError if one just returned.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait(), name="signal")
    tasks = [asyncio.ensure_future(task) for task in background]
    try:
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        _no_more_signals(loop)
        for task in tasks:
            if task.done():
                task.result()
                raise RuntimeError(f"background task {task!r} ended by itself")
        if drain is not None:
            await drain()
    finally:
        _no_more_signals(loop)
        await cancel_and_wait([waiting, *tasks])


def _no_more_signals(loop: asyncio.AbstractEventLoop) -> None:
    for number in STOP_SIGNALS:
        loop.remove_signal_handler(number)
    end_on_signal()


async def cancel_and_wait(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancels tasks and waits until each has really ended, whatever it raises."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
