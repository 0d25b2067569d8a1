"""Server interceptor: a span for each call, current while its handler runs.

Own interceptor because the one of opentelemetry-instrumentation-grpc breaks streaming handlers that read
and write through the context, takes cancelled and failed streams for good ones, and sees the gateway's
unary calls as streams (its access check reads their requests itself). It stands outside the
ErrorInterceptor, behind which handlers of all shapes are coroutines: the span begins and ends in one task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from amira_core.tracing.recording import RecordedTrace

if TYPE_CHECKING:
    from amira_core.tracing.runtime import Tracing

    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = grpc.aio.ServicerContext[Any, Any]

_UNTRACED = (
    f"/{health_pb2.DESCRIPTOR.services_by_name['Health'].full_name}/",
    f"/{reflection.SERVICE_NAME}/",
    "/amira.trace.",
)

_MAKERS: dict[str, Callable[..., Handler]] = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}


class TraceInterceptor(grpc.aio.ServerInterceptor):
    """Must come first in the server's list, directly before the ErrorInterceptor."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_UNTRACED):
            return handler
        metadata = tuple(handler_call_details.invocation_metadata or ())
        shape = next(shape for shape in _MAKERS if getattr(handler, shape) is not None)
        inner = getattr(handler, shape)

        async def traced(request: Any, context: Context) -> Any:
            trace = self._tracing.server_call(method.lstrip("/"), metadata)
            return await _run(inner, request, context, trace)

        return _MAKERS[shape](
            traced,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


async def _run(
    inner: Callable[..., Awaitable[Any]], request: Any, context: Context, trace: RecordedTrace
) -> Any:
    code = grpc.StatusCode.UNKNOWN
    try:
        with trace.current():
            context.set_trailing_metadata(trace.answer())
            answer = await inner(request, context)
        code = _status(context.code())
        return answer
    except asyncio.CancelledError:
        code = grpc.StatusCode.CANCELLED
        raise
    except grpc.aio.AbortError:
        code = _status(context.code())
        raise
    finally:
        trace.ended_with(code)


def _status(code: Any) -> grpc.StatusCode:
    """As grpc.aio has it: a status, its number, or nothing where it was not set."""
    if isinstance(code, grpc.StatusCode):
        return code
    return next(
        (status for status in grpc.StatusCode if status.value[0] == (code or 0)), grpc.StatusCode.UNKNOWN
    )
