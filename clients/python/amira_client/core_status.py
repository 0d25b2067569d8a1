"""The status that a server really gave, whatever a write under way at that moment met with.

When a write fails because the server has just ended the call, grpc.aio marks the call as INTERNAL,
"Internal error from Core", over the server's own status and details. Those are either seen by a callback
that looks while they are there, or come soon after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc

_CORE_DETAILS = "Internal error from Core"
_TRY_S = 0.002
_TRIES = 500

_Call = grpc.aio.StreamStreamCall[Any, Any]


class ServerStatus:
    """Keeps the first status of a call that did not come from grpc.aio's own write failure."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._failure: grpc.aio.AioRpcError | None = None
        call.add_done_callback(self._look)

    async def failure(self, reported: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """What the server said in place of `reported`, if that is only a failed write."""
        if reported.details() != _CORE_DETAILS:
            return reported
        for _ in range(_TRIES):
            if self._failure is not None:
                return self._failure
            await asyncio.sleep(_TRY_S)
            self._look(self._call)
        return reported

    def _look(self, call: _Call) -> None:
        details = _at_once(call.details())
        if self._failure is None and details != _CORE_DETAILS:
            self._failure = grpc.aio.AioRpcError(
                _at_once(call.code()),
                _at_once(call.initial_metadata()),
                _at_once(call.trailing_metadata()),
                details,
            )


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for: a finished call knows all of this."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value
    coroutine.close()
    return None
