"""The door: each call is identified, allowed, given a place and logged before its handler sees it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any, TypeAlias, cast

import grpc
import structlog

from amira_core import errors
from amira_core.settings import BadSettingsError
from amira_gateway.access.api_keys import ApiKeys
from amira_gateway.access.audit import AuditLog, trace_id
from amira_gateway.access.authenticator import Authenticator
from amira_gateway.access.call_record import CURRENT, CallRecord
from amira_gateway.access.identity import Identity, Limits, Scope
from amira_gateway.access.settings import AccessSettings
from amira_gateway.access.tenants import Tenants
from amira_gateway.access.tokens import TokenRules, Tokens

_log = structlog.get_logger(__name__)

SCOPES: dict[str, Scope] = {
    "/amira.asr.v1.Speech/StreamingRecognize": Scope.RECOGNIZE,
    "/amira.asr.v1.Speech/Recognize": Scope.RECOGNIZE,
    "/amira.asr.v1.Speech/GetCapabilities": Scope.DESCRIBE,
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

    def __init__(
        self,
        authenticator: Authenticator,
        tenants: Tenants,
        audit: AuditLog,
        unary_read_timeout_s: float = 30.0,
    ) -> None:
        self._authenticator = authenticator
        self.tenants = tenants
        self._audit = audit
        self._unary_read_timeout_s = unary_read_timeout_s

    @classmethod
    def of(cls, settings: AccessSettings) -> AccessInterceptor:
        """Raises BadSettingsError when settings do not go together or a file cannot be used."""
        api_keys = ApiKeys(Path(settings.api_keys_file)) if settings.api_keys_file else None
        authenticator = Authenticator(api_keys, _tokens(settings))
        if not authenticator.required:
            _log.warning(
                "open_to_everybody",
                hint="whoever reaches the port may use it: set API_KEYS_FILE or JWKS_FILE to change that",
            )
        default = Limits(
            max_streams=settings.tenant_max_streams or None,
            audio_s_per_minute=settings.tenant_audio_s_per_minute or None,
        )
        tenants = Tenants(default, authenticator.limits)
        return cls(authenticator, tenants, AuditLog(), settings.unary_read_timeout_s)

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
        with ExitStack() as held:
            try:
                record.identity = self._authenticator.identify(metadata)
                if handler is None:
                    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "There is no such method here.")
                _allow(record.identity, method)
                held.enter_context(self.tenants.call(record.identity))
            except errors.AmiraError as refusal:
                self._audit.refused(record, refusal.reason, refusal.message)
                raise
            record.tenants = self.tenants
            CURRENT.set(record)
            await self._run_and_log(handler, requests, context, record)

    async def _run_and_log(
        self, handler: Handler, requests: Any, context: Context, record: CallRecord
    ) -> None:
        status = grpc.StatusCode.CANCELLED.name
        try:
            await self._run(handler, requests, context)
            await asyncio.sleep(0)  # a cancelled call looks like a finished one until the next await
            status = grpc.StatusCode.OK.name
        except errors.AmiraError as error:
            status = error.reason
            raise
        except grpc.aio.InternalError:
            raise  # a write to a client that has gone
        except grpc.aio.AbortError:
            status = _name(context.code())
            raise
        except Exception:
            status = errors.InternalError.reason
            raise
        finally:
            if self._authenticator.required:
                self._audit.ended(record, status)

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


def _allow(identity: Identity, method: str) -> None:
    scope = SCOPES.get(method, Scope.ADMIN)
    if not identity.may(scope):
        raise errors.PermissionDeniedError(
            f"This needs a key or token with the scope `{scope}`: ask for one."
        )


def _name(code: Any) -> str:
    return code.name if isinstance(code, grpc.StatusCode) else str(code)


def _tokens(settings: AccessSettings) -> Tokens | None:
    if not settings.jwks_file:
        return None
    for name in ("jwt_issuer", "jwt_audience", "jwt_tenant_claim"):
        if not getattr(settings, name):
            prefix = type(settings).model_config.get("env_prefix", "")
            raise BadSettingsError(f"{prefix}JWKS_FILE is set, but {prefix}{name.upper()} is not: set both")
    rules = TokenRules(
        settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway_s, settings.jwt_tenant_claim
    )
    return Tokens(Path(settings.jwks_file), rules)
