"""The status that a server really gave when a write was under way at that moment.

grpc.aio marks a call as INTERNAL, "Internal error from Core", when a write fails because the server
has just ended the call, and puts the server's own status over it a moment later.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

_CORE_DETAILS = "Internal error from Core"
_POLLS = 50
_POLL_S = 0.01


async def true_failure(
    call: grpc.aio.StreamStreamCall[Any, Any], failure: grpc.aio.AioRpcError
) -> grpc.aio.AioRpcError:
    """`failure`, or what replaces it within half a second if it is only that a write failed."""
    if failure.code() is not grpc.StatusCode.INTERNAL or failure.details() != _CORE_DETAILS:
        return failure
    for _ in range(_POLLS):
        await asyncio.sleep(_POLL_S)
        details = await call.details()
        if details != _CORE_DETAILS:
            return grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(), details
            )
    return failure
