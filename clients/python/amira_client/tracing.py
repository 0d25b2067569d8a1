"""One trace for all calls of a stream, the application's own where it has one.

Where the application has set OpenTelemetry up, a stream is a span of it, and the servers' spans are its
children. Where not, a call that goes on with a stream names the trace that the first server told.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import grpc

from amira_client.errors import AmiraClientError, ServerError

try:
    from opentelemetry import trace as otel
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError:  # optional
    otel = None  # type: ignore[assignment]  # a module, or that there is none

CallT = TypeVar("CallT", bound=grpc.aio.Call)
Metadata = tuple[tuple[str, str], ...]

_NAME = "amira.asr.v1.Speech/StreamingRecognize"


class StreamSpan:
    """The span of one stream, however many calls it takes."""

    def __init__(self) -> None:
        self._span = _begin()
        self._told = ""
        self._calls = 0

    def headers(self) -> Metadata:
        """What the stream's next call is to carry."""
        self._calls += 1
        if self._span is None:
            return (("traceparent", self._told),) if self._told else ()
        if self._calls > 1:
            self._span.add_event("another call", {"amira.call": self._calls})
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, otel.set_span_in_context(self._span))
        return tuple(carrier.items())

    def watch(self, call: CallT) -> CallT:
        """Learns from a call which trace its server has it in."""
        if self._span is None:
            call.add_done_callback(lambda _: self._learn(call))
        return call

    def end(self, session_id: str, failure: AmiraClientError | None) -> None:
        """The stream is over."""
        if self._span is None:
            return
        self._span.set_attribute("amira.session_id", session_id)
        if failure is not None:
            reason = failure.reason if isinstance(failure, ServerError) else ""
            self._span.set_attribute("error.type", reason or type(failure).__name__)
            self._span.set_status(otel.Status(otel.StatusCode.ERROR, reason))
        self._span.end()

    def _learn(self, call: grpc.aio.Call) -> None:
        for key, value in _at_once(call.initial_metadata) or ():
            if key == "traceresponse":
                self._told = str(value)


def _begin() -> Any:
    """A span of the application's; None where it has no tracing."""
    if otel is None:
        return None
    service, _, method = _NAME.partition("/")
    attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
    span = otel.get_tracer("amira_client").start_span(_NAME, kind=otel.SpanKind.CLIENT, attributes=attributes)
    return span if span.get_span_context().is_valid else None


def _at_once(ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The result of a coroutine of a call that is over; None if there is none yet."""
    coroutine = ask()
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value
    except BaseException:  # noqa: BLE001 - a call that was cancelled before it began
        return None
    coroutine.close()
    return None
