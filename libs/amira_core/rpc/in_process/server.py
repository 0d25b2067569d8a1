"""Where servicers are registered: grpc.aio.Server's interface over calls of this process."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import grpc

from amira_core.rpc.in_process.context import ServerContext
from amira_core.rpc.in_process.exchange import Exchange, Metadata

if TYPE_CHECKING:  # no generics at run time
    Handler = grpc.RpcMethodHandler[Any, Any]
    FindHandler = Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]

_CLEAN_UP_S: Final = 5.0
"""For handlers that were cut off; one that hangs in its own end must not hold up that of the process."""

_servers: Final[dict[str, InProcessServer]] = {}


@dataclass(frozen=True, slots=True)
class _Details(grpc.HandlerCallDetails):
    method: str
    invocation_metadata: Metadata


class InProcessServer(grpc.aio.Server):
    """Serves channels to ``in-process:NAME``, on the event loop that :meth:`start` was called on."""

    def __init__(self, name: str, interceptors: Sequence[grpc.aio.ServerInterceptor] = ()) -> None:
        self._name = name
        self._handlers: dict[str, Handler] = {}
        self._generic: list[grpc.GenericRpcHandler] = []
        self._find: FindHandler = self._registered
        for interceptor in reversed(interceptors):
            self._find = partial(interceptor.intercept_service, self._find)
        self._context = contextvars.Context()
        self._running: dict[asyncio.Task[None], Exchange] = {}
        self._over = asyncio.Event()

    # -- what generated code and RpcServer call ----------------------------------------------------

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Called by ``add_XServicer_to_server``."""
        for name, handler in method_handlers.items():
            self._handlers[f"/{service_name}/{name}"] = handler

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Called by ``add_XServicer_to_server``."""
        self._generic.extend(generic_rpc_handlers)

    def add_insecure_port(self, address: str) -> int:
        """Raises RuntimeError: nobody but this process is served."""
        raise RuntimeError("a server within the process has no ports")

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Raises RuntimeError: nobody but this process is served."""
        raise RuntimeError("a server within the process has no ports")

    async def start(self) -> None:
        """Takes calls from now on. Raises RuntimeError when another one has the name."""
        if _servers.setdefault(self._name, self) is not self:
            raise RuntimeError(f"there is another server {self._name!r} in this process")
        self._context = contextvars.copy_context()

    async def stop(self, grace: float | None) -> None:
        """Refuses new calls, gives running ones `grace` seconds, then cuts them off."""
        if _servers.get(self._name) is self:
            del _servers[self._name]
        if self._running and grace:
            await asyncio.wait([*self._running], timeout=grace)
        for exchange in self._running.values():
            exchange.cut(grpc.StatusCode.UNAVAILABLE, "Cancelling all calls")
        if self._running:
            await asyncio.wait([*self._running], timeout=_CLEAN_UP_S)
        self._over.set()

    async def wait_for_termination(self, timeout: float | None = None) -> bool:
        """True when the time-out came first."""
        try:
            async with asyncio.timeout(timeout):
                await self._over.wait()
        except TimeoutError:
            return True
        return False

    # -- calls ---------------------------------------------------------------------------------

    def serve(self, exchange: Exchange) -> None:
        """Begins a call."""
        # As over the wire: nothing of the caller's context comes along but the metadata.
        handling = asyncio.get_running_loop().create_task(
            self._handle(exchange), name=exchange.method, context=self._context.copy()
        )
        self._running[handling] = exchange
        handling.add_done_callback(self._handled)
        exchange.handled_by(handling)

    async def _handle(self, exchange: Exchange) -> None:
        context = ServerContext(exchange)
        try:
            handler = await self._find(_Details(exchange.method, exchange.metadata))
            if handler is None:
                exchange.finish(grpc.StatusCode.UNIMPLEMENTED, "Method not found!", ())
                return
            await _run(handler, context)
            context.finish()
        except grpc.aio.AbortError:
            return  # the status is out
        except asyncio.CancelledError:
            exchange.finish(grpc.StatusCode.CANCELLED, "The handler was cancelled.", ())
        except Exception as error:  # noqa: BLE001 - as grpc.aio: whatever a handler raises becomes a status
            exchange.finish(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}", ())

    async def _registered(self, details: grpc.HandlerCallDetails) -> Handler | None:
        handler = self._handlers.get(details.method)
        if handler is not None:
            return handler
        found = (generic.service(details) for generic in self._generic)
        return next((handler for handler in found if handler is not None), None)

    def _handled(self, handling: asyncio.Task[None]) -> None:
        del self._running[handling]


def server_named(name: str) -> InProcessServer | None:
    """The server of that name, while it takes calls."""
    return _servers.get(name)


async def _run(handler: Handler, context: ServerContext) -> None:
    request: Any = context
    if not handler.request_streaming:
        request = await context.read()
        if request is grpc.aio.EOF:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "No request came.")
    result = _behaviour(handler)(request, context)
    if not handler.response_streaming:
        await context.write(await result)
    elif not inspect.isasyncgen(result):
        await result
    else:
        try:
            async for message in result:
                await context.write(message)
        finally:
            await result.aclose()


def _behaviour(handler: Handler) -> Callable[[Any, Any], Any]:
    if handler.request_streaming:
        behaviour = handler.stream_stream if handler.response_streaming else handler.stream_unary
    else:
        behaviour = handler.unary_stream if handler.response_streaming else handler.unary_unary
    return cast(Callable[[Any, Any], Any], behaviour)
