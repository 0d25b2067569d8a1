"""Readiness by the standard gRPC health protocol, which every service (and Triton) speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira_core.rpc.channel import open_channel
from amira_core.security.certificates import TlsError
from amira_core.security.client_tls import ClientTls

POLL_S = 0.1
_ANSWER_S = 1.0

GetTls = Callable[[], ClientTls | None]


class Probe:
    """Asks one server whether it is ready.

    Attributes:
        problem: why it was not at the last try; empty when it was.
    """

    def __init__(self, target: str, tls: GetTls = lambda: None) -> None:
        """`tls` gives the credentials for each try, None for plaintext; it may raise TlsError."""
        self.target = target
        self.problem = "not asked yet"
        self._tls = tls

    async def once(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            channel = open_channel(self.target, tls=self._tls())
        except TlsError as error:
            self.problem = str(error)
            return False
        async with channel:
            self.problem = await _ask(channel)
        return not self.problem

    async def wait(self) -> None:
        """Returns once the server is ready; waits for ever."""
        while not await self.once():  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(POLL_S)


async def is_serving(target: str, tls: GetTls = lambda: None) -> bool:
    """Whether the server at `target` says that it is ready."""
    return await Probe(target, tls).once()


async def wait_until_serving(target: str, tls: GetTls = lambda: None) -> None:
    """Returns once `target` is ready; waits for ever."""
    await Probe(target, tls).wait()


async def _ask(channel: grpc.aio.Channel) -> str:
    """Why the server is not ready; empty when it is."""
    check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set in __init__
    try:
        answer = await check(health_pb2.HealthCheckRequest(), timeout=_ANSWER_S)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    return "" if serving else "it says that it is not ready"
