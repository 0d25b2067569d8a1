"""Readiness by the standard gRPC health protocol, which every service (and Triton) speaks."""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

POLL_S = 0.1
_PROBE_TIMEOUT_S = 1.0


async def is_serving(target: str, timeout_s: float = _PROBE_TIMEOUT_S) -> bool:
    """Whether the server at `target` says that it is ready."""
    async with grpc.aio.insecure_channel(target) as channel:
        try:
            check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set in __init__
            answer = await check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def wait_until_serving(target: str) -> None:
    """Returns once `target` is ready; waits for ever."""
    while not await is_serving(target):  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(POLL_S)
