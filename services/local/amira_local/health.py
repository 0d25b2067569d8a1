"""Readiness by the standard gRPC health protocol, which every service (and Triton) speaks."""

from __future__ import annotations

import asyncio

import grpc

from amira_core.rpc import health
from amira_core.rpc.options import CHANNEL_OPTIONS

POLL_S = 0.1


async def is_serving(target: str) -> bool:
    """Whether the server at `target` says that it is ready."""
    async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        return await health.is_serving(channel)


async def wait_until_serving(target: str) -> None:
    """Returns once `target` is ready; waits for ever."""
    while not await is_serving(target):  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(POLL_S)
