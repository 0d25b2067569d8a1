"""Server interceptor: domain errors become statuses, cancellations stay cancellations.

Own interceptor because the public ones break streaming handlers that read and write through the
context (the health service's Watch among them) and report cancelled streams as OK.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_core.incidents import reported
from amira_core.metrics.calls import call_ended
from amira_core.rpc.status import to_rpc_status
from amira_core.tracing.process import trace_of_failure

_log = structlog.get_logger(__name__)

Deserialize = Callable[[bytes], Any]


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns what handlers raise into gRPC statuses.

    AmiraError: its own status with details. Anything else: INTERNAL with an id that is also in the
    log, and nothing that a client could learn from.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        serializers = {
            "request_deserializer": _whole(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        method = handler_call_details.method
        if handler.stream_stream is not None:
            serializers["request_deserializer"] = _each(handler.request_deserializer)
            return grpc.stream_stream_rpc_method_handler(
                _streaming(handler.stream_stream, method), **serializers
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                _streaming(handler.unary_stream, method), **serializers
            )
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(_unary(handler.unary_unary, method), **serializers)
        if handler.stream_unary is not None:
            serializers["request_deserializer"] = _each(handler.request_deserializer)
            return grpc.stream_unary_rpc_method_handler(_unary(handler.stream_unary, method), **serializers)
        return handler


class _Undecodable:
    """In place of a request that is no message of its type."""


def _each(deserialize: Deserialize | None) -> Deserialize | None:
    """For streams, whose handlers get what this raises from their request iterator."""
    if deserialize is None:
        return None

    def wrapped(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            raise _undecodable() from None

    return wrapped


def _whole(deserialize: Deserialize | None) -> Deserialize | None:
    """For single requests: where their deserializer raises, no handler runs and grpc reports UNKNOWN."""
    if deserialize is None:
        return None

    def wrapped(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _Undecodable()

    return wrapped


def _undecodable() -> errors.InvalidRequestError:
    return errors.InvalidRequestError(
        "A message is not what the method takes: generate the client from the server's protos."
    )


def _streaming(inner: Callable[..., Any], method: str) -> Callable[..., Awaitable[None]]:
    async def wrapped(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        try:
            if isinstance(request, _Undecodable):
                raise _undecodable()
            result = inner(request, context)
            if inspect.isasyncgen(result):
                try:
                    async for message in result:
                        await context.write(message)
                finally:
                    await result.aclose()
            else:
                await result
            # A cancelled call looks like a finished one until the next await (grpc aio gives EOF first).
            await asyncio.sleep(0)
            call_ended(method, grpc.StatusCode.OK.name)
        except asyncio.CancelledError as error:
            await _raise_or_abort(context, method, error)
        except grpc.aio.InternalError as error:
            # What a write raises when the caller's cancellation has reached grpc but not this task yet.
            _log.debug("caller_gone", method=method, error=str(error))
            call_ended(method, grpc.StatusCode.CANCELLED.name)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a call: nothing may pass
            await _abort(context, method, error)

    return wrapped


def _unary(inner: Callable[..., Any], method: str) -> Callable[..., Awaitable[Any]]:
    async def wrapped(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            if isinstance(request, _Undecodable):
                raise _undecodable()
            response = await inner(request, context)
            call_ended(method, grpc.StatusCode.OK.name)
            return response
        except asyncio.CancelledError as error:
            await _raise_or_abort(context, method, error)
        except Exception as error:  # noqa: BLE001 - the outermost frame of a call: nothing may pass
            await _abort(context, method, error)

    return wrapped


async def _raise_or_abort(
    context: grpc.aio.ServicerContext[Any, Any], method: str, error: asyncio.CancelledError
) -> None:
    """Passes a cancellation of this call on; one that only strayed here would leave the client hanging.

    grpc.aio sends no status for a handler that ends with CancelledError, whoever it was meant for.
    """
    if this_task_is_cancelled():
        call_ended(method, grpc.StatusCode.CANCELLED.name)
        raise error
    await _abort(context, method, error)


def _name(code: Any) -> str:
    """grpc.aio gives the number of a status."""
    return next((status.name for status in grpc.StatusCode if code in (status, status.value[0])), str(code))


async def _abort(context: grpc.aio.ServicerContext[Any, Any], method: str, error: BaseException) -> None:
    if isinstance(error, grpc.aio.AbortError):
        call_ended(method, _name(context.code()))
        raise error
    told = reported(error, method)
    call_ended(method, told.reason)
    status = to_rpc_status(told)
    trailing = (*status.trailing_metadata, *trace_of_failure(told))
    await context.abort(status.code, status.details, trailing)
