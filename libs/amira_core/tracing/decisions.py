"""The gateway's word on which traces are wanted, as it gets to the services that recorded parts of them.

Whether a stream was slow is known to the gateway alone, and late: when the services' own calls may be over.
So it tells them, in a call of its own (amira.trace.v1.Traces/Keep), on the channels that the stream used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import grpc

from amira.trace.v1 import trace_pb2, trace_pb2_grpc
from amira_core.tracing.tail import TailBuffer

_TIMEOUT_S: Final = 2.0


class Decisions:
    """Tells, in tasks of its own. A service that cannot be told loses its part of the trace, no more."""

    def __init__(self) -> None:
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, channels: Iterable[grpc.aio.Channel], trace_id: int) -> None:
        """Has the services at the other ends of `channels` export what they hold of a trace."""
        request = trace_pb2.KeepRequest(trace_ids=[trace_id.to_bytes(16, "big")])
        for channel in channels:
            task = asyncio.get_running_loop().create_task(_tell(channel, request), name="keep trace")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)


async def _tell(channel: grpc.aio.Channel, request: trace_pb2.KeepRequest) -> None:
    try:
        await trace_pb2_grpc.TracesStub(channel).Keep(request, timeout=_TIMEOUT_S)
    except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError):
        return  # gone, of another version, or closed


class TracesServicer(trace_pb2_grpc.TracesServicer):
    """Serves amira.trace.v1.Traces."""

    def __init__(self, tail: TailBuffer) -> None:
        self._tail = tail

    async def Keep(  # noqa: N802 - the name is the proto's
        self, request: trace_pb2.KeepRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> trace_pb2.KeepResponse:
        for trace_id in request.trace_ids:
            self._tail.keep(int.from_bytes(trace_id, "big"))
        return trace_pb2.KeepResponse()
