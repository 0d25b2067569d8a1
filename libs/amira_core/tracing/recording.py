"""What :mod:`amira_core.tracing.stream` promises, with OpenTelemetry's spans behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from opentelemetry import context as otel_context
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from amira_core.errors import AmiraError
from amira_core.tracing.stream import Metadata, OutgoingCall, StreamTrace, Value, current_trace

if TYPE_CHECKING:
    from amira_core.tracing.runtime import Tracing

CallT = TypeVar("CallT")

HELD: Final = "amira"
"""Key in the tracestate of calls between services: the caller decides what becomes of the trace."""

NO_FAILURE: Final = frozenset({"OK", "CANCELLED", "STREAM_ABANDONED", "SESSION_TAKEN_OVER"})
"""Ends that the client wanted so."""

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class RecordedTrace(StreamTrace):
    """A span of a stream, and what its service must remember of the stream."""

    def __init__(self, tracing: Tracing, span: Span, channels: set[Any] | None = None) -> None:
        """`channels`: to the services that take part in the stream, shared by all spans of it here."""
        self._tracing = tracing
        self._span = span
        self._context = span.get_span_context()
        self._channels: set[Any] = set() if channels is None else channels
        self._at_end: list[Callable[[], dict[str, Value]]] = []
        self._reasons: list[str] = []
        self._results = 0
        self._slowest_s = 0.0
        self._was_slow = False
        self.trace_id = f"{self._context.trace_id:032x}"

    @property
    def traceparent(self) -> str:  # type: ignore[override]  # a constant only where there is no trace
        return f"00-{self.trace_id}-{self._context.span_id:016x}-{int(self.is_exported):02x}"

    @property
    def is_exported(self) -> bool:  # type: ignore[override]  # a constant only where there is no trace
        return self._tracing.tail.is_exported(self._context)

    @property
    def headers(self) -> Metadata | None:  # type: ignore[override]  # a constant only where there is no trace
        return (("traceparent", self.traceparent),) if self.is_exported else None

    def begin(
        self, name: str, *, links: Iterable[str] = (), began_s_ago: float = 0.0, **attributes: Value
    ) -> RecordedTrace:
        span = self._tracing.tracer.start_span(
            name,
            set_span_in_context(self._span),
            attributes=_named(attributes),
            links=[Link(context) for link in links if (context := _remote(link)).is_valid],
            start_time=time.time_ns() - int(began_s_ago * 1e9),
        )
        return RecordedTrace(self._tracing, span, self._channels)

    # What comes after the end of a span is nothing that anybody could change: it is let go.

    def set(self, **attributes: Value) -> None:
        if self._span.is_recording():
            self._span.set_attributes(_named(attributes))

    def event(self, name: str, **attributes: Value) -> None:
        if self._span.is_recording():
            self._span.add_event(name, _named(attributes))

    def link(self, traceparent: str) -> None:
        context = _remote(traceparent)
        if self._span.is_recording() and context.is_valid and context.span_id != self._context.span_id:
            self._span.add_link(context)

    def keep(self, reason: str) -> None:
        self._reasons.append(reason)
        self.set(kept=", ".join(dict.fromkeys(self._reasons)))
        if self._is_decided_elsewhere or self.is_exported:
            return
        if self._tracing.tail.keep(self._context.trace_id):
            self._tracing.decisions.tell(self._channels, self._context.trace_id)

    def failed(self, reason: str) -> None:
        if reason not in NO_FAILURE:
            self.mark(reason)
            self.keep("failed")

    def mark(self, reason: str) -> None:
        """Marks the span as failed, which need not mean that the stream failed."""
        if self._span.is_recording():
            self._span.set_attribute("error.type", reason)
            self._span.set_status(Status(StatusCode.ERROR, reason))

    def ended_as(self, reason: str) -> None:
        self.failed(reason)
        self.set(ended=reason)
        self.end()

    def latency(self, seconds: float, *, of_live_audio: bool) -> None:
        self._results += 1
        self._slowest_s = max(self._slowest_s, seconds)
        if of_live_audio and seconds > self._tracing.slow_s and not self._was_slow:
            self._was_slow = True
            self.event("slow", latency_ms=round(seconds * 1000))
            self.keep("slow")

    def at_end(self, attributes: Callable[[], dict[str, Value]]) -> None:
        self._at_end.append(attributes)

    def end(self) -> None:
        if not self._span.is_recording():
            return
        for attributes in self._at_end:
            self.set(**attributes())
        if self._results:
            self.set(results=self._results, slowest_result_ms=round(self._slowest_s * 1000, 1))
        self._span.end()

    def ended_with(self, code: grpc.StatusCode) -> None:
        """The span of a call is over."""
        if self._span.is_recording():
            self._span.set_attribute("rpc.grpc.status_code", code.value[0])
        self.end()

    @contextmanager
    def current(self) -> Iterator[None]:
        ours = current_trace.set(self)
        theirs = otel_context.attach(set_span_in_context(self._span))
        try:
            yield
        finally:
            otel_context.detach(theirs)
            current_trace.reset(ours)

    def answer(self) -> Metadata:
        return () if self._is_decided_elsewhere else (("traceresponse", self.traceparent),)

    def call(self, method: str, target: str, channel: Any) -> RecordedCall:
        attributes = {**rpc_attributes(method), "server.address": target}
        span = self._tracing.tracer.start_span(
            method, set_span_in_context(self._span), SpanKind.CLIENT, attributes
        )
        self._channels.add(channel)
        return RecordedCall(RecordedTrace(self._tracing, span, self._channels), self)

    def __enter__(self) -> RecordedTrace:
        return self

    def __exit__(self, *raised: object) -> None:
        error = raised[1]
        if isinstance(error, Exception):
            self.mark(error.reason if isinstance(error, AmiraError) else type(error).__name__)
        self.end()

    @property
    def _is_decided_elsewhere(self) -> bool:
        return self._tracing.is_behind_gateway and self._context.trace_state.get(HELD) is not None

    @property
    def outgoing(self) -> Metadata:
        """Headers for a call that belongs to this span."""
        state = self._context.trace_state.update(HELD, "held")
        return (("traceparent", self.traceparent), ("tracestate", state.to_header()))


class RecordedCall(OutgoingCall):
    """A call to another service, as a span."""

    def __init__(self, trace: RecordedTrace, caller: RecordedTrace) -> None:
        self._trace = trace
        self._caller = caller
        self.metadata = trace.outgoing

    def watch(self, call: CallT) -> CallT:
        call.add_done_callback(self._ended)  # type: ignore[attr-defined]  # calls of grpc.aio have it
        return call

    def _ended(self, call: Any) -> None:
        code = status_now(call.code)
        if code not in (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED):
            self._trace.mark(code.name)
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            self._caller.event("replica_refused", status=code.name)
        self._trace.ended_with(code)


def parent_of(metadata: Iterable[tuple[str, str | bytes]]) -> otel_context.Context:
    """The caller's place in its trace, by a call's headers; empty where it sent none that can be read."""
    headers = {key: value for key, value in metadata if key in _PROPAGATOR.fields and isinstance(value, str)}
    return _PROPAGATOR.extract(headers, otel_context.Context())


def rpc_attributes(method: str) -> dict[str, str]:
    """What every span of a call says about it. `method`: ``package.Service/Method``."""
    service, _, name = method.rpartition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}


def status_now(code: Callable[[], Any]) -> grpc.StatusCode:
    """The status of a finished call, which grpc.aio gives in a coroutine that has nothing to wait for."""
    coroutine = code()
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value if isinstance(finished.value, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
    except asyncio.CancelledError:
        return grpc.StatusCode.CANCELLED
    coroutine.close()
    return grpc.StatusCode.UNKNOWN


def _remote(traceparent: str) -> Any:
    return get_current_span(parent_of([("traceparent", traceparent)])).get_span_context()


def _named(attributes: dict[str, Value]) -> dict[str, Value]:
    return {f"amira.{name}": value for name, value in attributes.items()}
