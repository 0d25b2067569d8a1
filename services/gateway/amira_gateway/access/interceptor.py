"""The door: each call is identified, allowed, given a place and logged before its handler sees it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias, cast

import grpc

from amira_core import errors
from amira_gateway.access.audit import trace_id
from amira_gateway.access.call_record import CallRecord
from amira_gateway.access.door import Door
from amira_gateway.access.identity import Scope
from amira_gateway.access.settings import AccessSettings
from amira_gateway.access.tenants import Tenants

SCOPES: dict[str, Scope] = {
    "/amira.asr.v1.Speech/StreamingRecognize": Scope.RECOGNIZE,
    "/amira.asr.v1.Speech/Recognize": Scope.RECOGNIZE,
    "/amira.asr.v1.Speech/GetCapabilities": Scope.DESCRIBE,
    "/nvidia.riva.asr.RivaSpeechRecognition/StreamingRecognize": Scope.RECOGNIZE,
    "/nvidia.riva.asr.RivaSpeechRecognition/Recognize": Scope.RECOGNIZE,
    "/nvidia.riva.asr.RivaSpeechRecognition/GetRivaSpeechRecognitionConfig": Scope.DESCRIBE,
    "/google.cloud.speech.v1.Speech/StreamingRecognize": Scope.RECOGNIZE,
    "/google.cloud.speech.v1.Speech/Recognize": Scope.RECOGNIZE,
    "/google.cloud.speech.v1.Speech/LongRunningRecognize": Scope.DESCRIBE,
    "/google.cloud.speech.v1p1beta1.Speech/StreamingRecognize": Scope.RECOGNIZE,
    "/google.cloud.speech.v1p1beta1.Speech/Recognize": Scope.RECOGNIZE,
    "/google.cloud.speech.v1p1beta1.Speech/LongRunningRecognize": Scope.DESCRIBE,
    "/google.cloud.speech.v2.Speech/StreamingRecognize": Scope.RECOGNIZE,
    "/google.cloud.speech.v2.Speech/Recognize": Scope.RECOGNIZE,
    "/google.cloud.speech.v2.Speech/BatchRecognize": Scope.DESCRIBE,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Scope.DESCRIBE,
}
"""What each method needs; one that is not named here needs ADMIN."""

_OPEN = "/grpc.health.v1.Health/"
"""Load balancers ask for health, and have no keys."""

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continue: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


class AccessInterceptor(grpc.aio.ServerInterceptor):
    """Hand it to RpcServer; its errors become statuses there.

    Every handler is wrapped as a streaming one, whatever its shape: so a refused call ends before any of
    its messages is read, and a unary request that comes too slowly can be given up.
    """

    def __init__(self, door: Door, unary_read_timeout_s: float = 30.0) -> None:
        self._door = door
        self._unary_read_timeout_s = unary_read_timeout_s

    @classmethod
    def of(cls, settings: AccessSettings) -> AccessInterceptor:
        """Raises BadSettingsError when settings do not go together or a file cannot be used."""
        return cls(Door.of(settings), settings.unary_read_timeout_s)

    @property
    def tenants(self) -> Tenants:
        """What each tenant uses now."""
        return self._door.tenants

    async def intercept_service(
        self, continuation: Continue, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        method = handler_call_details.method
        handler = await continuation(handler_call_details)
        if method.startswith(_OPEN) and handler is not None:
            return handler
        metadata = tuple(handler_call_details.invocation_metadata or ())

        async def guarded(requests: Any, context: Context) -> None:
            await self._guard(method, metadata, handler, requests, context)

        return grpc.stream_stream_rpc_method_handler(
            guarded,
            request_deserializer=handler.request_deserializer if handler else None,
            response_serializer=handler.response_serializer if handler else None,
        )

    async def _guard(
        self, method: str, metadata: Any, handler: Handler | None, requests: Any, context: Context
    ) -> None:
        record = CallRecord(method, context.peer(), trace_id(dict(metadata).get("traceparent")))
        # Whoever may not ask what there is here does not learn it from a status either.
        scope = Scope.DESCRIBE if handler is None else SCOPES.get(method, Scope.ADMIN)
        with self._door.call(record, metadata, scope):
            try:
                if handler is None:
                    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "There is no such method here.")
                await self._run(handler, requests, context)
                await asyncio.sleep(0)  # a cancelled call looks like a finished one until the next await
            except grpc.aio.AbortError:
                record.status = _name(context.code())
                raise

    async def _run(self, handler: Handler, requests: Any, context: Context) -> None:
        first = requests if handler.request_streaming else await self._read_one(context)
        result = _function(handler)(first, context)
        if inspect.isasyncgen(result):
            async with aclosing(result):
                async for message in result:
                    await context.write(message)
            return
        response = await result
        if not handler.response_streaming:
            await context.write(response)

    async def _read_one(self, context: Context) -> Any:
        try:
            async with asyncio.timeout(self._unary_read_timeout_s):
                request: object = await context.read()
        except TimeoutError:
            raise errors.IdleTimeoutError(
                f"The request did not come within {self._unary_read_timeout_s:g} s."
            ) from None
        if request is grpc.aio.EOF:
            await asyncio.sleep(
                0
            )  # where the client has cancelled rather than half-closed, this ends the call
            raise errors.ProtocolError("The call ended before its request.")
        return request


def _function(handler: Handler) -> Callable[[Any, Context], Any]:
    """The one function that a handler of any shape has."""
    shapes = (handler.stream_stream, handler.stream_unary, handler.unary_stream, handler.unary_unary)
    return cast(Callable[[Any, Context], Any], next(shape for shape in shapes if shape is not None))


def _name(code: Any) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else str(code)
