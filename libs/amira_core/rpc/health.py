"""The standard health service, for asyncio servers that must drain, and the question to it.

Own implementation of the service because grpcio-health-checking's asyncio one (1.81) forgets all
watchers of a service when one of them leaves, blocks a status change behind a watcher that does not
read, and keeps its Watch calls open through a shutdown, so that every drain takes its whole grace period.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

LIVE = "live"
"""The service name whose health is SERVING for as long as the event loop answers: for liveness checks, which
must not end a process that waits for another one or drains."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def is_serving(channel: grpc.aio.Channel, timeout_s: float = 1.0) -> bool:
    """Whether the server behind `channel` says that it is ready; False also where nobody answers."""
    check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set in __init__
    try:
        answer = await check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == _SERVING)


class Health(health_pb2_grpc.HealthServicer):
    """Says whether named services are ready; every name but `LIVE` starts NOT_SERVING."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._statuses = self._all(_NOT_SERVING)
        self._changed = asyncio.Event()
        self._shut_down = False

    def set_ready(self, ready: bool) -> None:
        """Flips all names at once. Does nothing after :meth:`shut_down`."""
        if not self._shut_down:
            self._set(_SERVING if ready else _NOT_SERVING)

    def shut_down(self) -> None:
        """NOT_SERVING from now on; watchers are told and their calls end."""
        self._shut_down = True
        self._set(_NOT_SERVING)

    async def Check(  # noqa: N802 - the name is the proto's
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r} here")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802 - the name is the proto's
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        told: int | None = None
        while True:
            status = self._statuses.get(request.service, _SERVICE_UNKNOWN)
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            elif self._shut_down:
                return
            else:
                await self._changed.wait()

    def _set(self, status: int) -> None:
        self._statuses = self._all(status)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _all(self, status: int) -> dict[str, int]:
        return {**dict.fromkeys(self._names, status), LIVE: _SERVING}
