"""Turning tracing on and off in a process, and what servers and channels need of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import grpc

from amira_core.errors import AmiraError
from amira_core.settings import BadSettingsError, load_settings
from amira_core.tracing.ids import look_up_with
from amira_core.tracing.settings import TracingSettings
from amira_core.tracing.stream import NO_TRACE, Metadata, StreamTrace, stream_trace

if TYPE_CHECKING:
    from amira_core.tracing.runtime import Tracing

_tracing: Tracing | None = None


def configure_tracing(service: str, settings: TracingSettings | None = None) -> None:
    """Turns tracing on where the settings name an endpoint; imports nothing of OpenTelemetry otherwise.

    Args:
        service: its name in traces.
        settings: None: from the environment.

    Raises:
        BadSettingsError: a variable cannot be read, or OpenTelemetry is not installed.
    """
    settings = settings or load_settings(TracingSettings)
    if not settings.endpoint:
        return
    try:
        from amira_core.tracing.runtime import Tracing, current_ids
    except ModuleNotFoundError as error:
        raise BadSettingsError(
            f"traces are to go to {settings.endpoint}, but {error.name} is not installed: "
            "pip install 'amira-asr[tracing]', or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        ) from error
    end_tracing()
    global _tracing
    try:
        _tracing = Tracing(service, settings)
    except ValueError as error:
        raise BadSettingsError(f"bad settings of OpenTelemetry (OTEL_...): {error}") from error
    look_up_with(current_ids)


def end_tracing() -> None:
    """Turns tracing off; blocks for the last export, two seconds at most."""
    global _tracing
    tracing, _tracing = _tracing, None
    look_up_with(None)
    if tracing is not None:
        tracing.shut_down()


def server_interceptors() -> list[grpc.aio.ServerInterceptor]:
    """What comes before the ErrorInterceptor in a server."""
    if _tracing is None:
        return []
    from amira_core.tracing.interceptor import TraceInterceptor

    return [TraceInterceptor(_tracing)]


def client_interceptors() -> Sequence[grpc.aio.ClientInterceptor] | None:
    """For channels to other services; None: nothing is to be intercepted."""
    return None if _tracing is None else _tracing.client_interceptors()


def accept_decisions(server: grpc.aio.Server) -> None:
    """Lets the gateway tell this service which traces it wants. For services behind the gateway."""
    if _tracing is None:
        return
    from amira.trace.v1 import trace_pb2_grpc
    from amira_core.tracing.decisions import TracesServicer

    _tracing.is_behind_gateway = True
    trace_pb2_grpc.add_TracesServicer_to_server(TracesServicer(_tracing.tail), server)


def incoming_trace(method: str, headers: Iterable[tuple[str, str]]) -> StreamTrace:
    """The span of a call that did not come by gRPC. `method`: its like there, ``package.Service/Method``."""
    if _tracing is None:
        return NO_TRACE
    return _tracing.server_call(method, ((name.lower(), value) for name, value in headers))


def trace_of_failure(error: AmiraError) -> Metadata:
    """Notes that the call of this task ends with `error`; returns trailing metadata for its status."""
    trace = stream_trace()
    refused = error.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    trace.event("refused" if refused else "ended", reason=error.reason)
    trace.failed(error.reason)
    return trace.answer()
