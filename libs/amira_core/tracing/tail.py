"""The decision at a stream's end: its spans wait here until it is known whether anybody wants them.

Spans of sampled traces pass through at once. The others wait, per trace and bounded, until :meth:`keep` is
called for their trace, or until they have been over for `hold_s` and nobody did.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext, TraceFlags

SPANS_PER_TRACE: Final = 256
"""Of a longer stream the newest are kept: what went wrong is at its end."""

_BURST_S: Final = 2.0


@dataclass(slots=True)
class _Trace:
    spans: deque[ReadableSpan] = field(default_factory=lambda: deque(maxlen=SPANS_PER_TRACE))
    running: int = 0
    kept: bool = False
    over_at: float | None = None
    """Monotonic time at which the last running span ended."""


class TailBuffer(SpanProcessor):
    """Stands between the tracer and `export`. Thread-safe; never waits for anything but its own lock."""

    def __init__(self, export: SpanProcessor, *, hold_s: float, most_spans: int, kept_per_s: float) -> None:
        """`kept_per_s` bounds the traces that :meth:`keep` lets through: thousands of refusals look alike."""
        self._export = export
        self._hold_s = hold_s
        self._most_spans = most_spans
        self._kept_per_s = kept_per_s
        self._most_at_once = max(1.0, kept_per_s * _BURST_S) if kept_per_s else 0.0
        self._allowance = self._most_at_once
        self._allowance_at = time.monotonic()
        self._traces: dict[int, _Trace] = {}
        self._over: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self.held = 0
        """Spans that wait now."""
        self.dropped = 0
        """Spans that found no room."""
        self.denied = 0
        """Traces that were to be kept beyond `kept_per_s`."""

    def is_exported(self, context: SpanContext) -> bool:
        """Whether the trace of this span goes out for sure."""
        if context.trace_flags.sampled:
            return True
        trace = self._traces.get(context.trace_id)
        return trace is not None and trace.kept

    def keep(self, trace_id: int) -> bool:
        """Exports what waits of a trace, and what comes of it. False: it is unknown here, or one too many."""
        with self._lock:
            trace = self._traces.get(trace_id)
            if trace is None or trace.kept:
                return trace is not None
            if not self._allow():
                self.denied += 1
                return False
            trace.kept = True
            spans = list(trace.spans)
            self._forget_spans(trace)
        for span in spans:
            self._export.on_end(_sampled(span))
        return True

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        context = span.get_span_context()
        if context is None or context.trace_flags.sampled:
            return
        with self._lock:
            self._let_go()
            trace = self._traces.setdefault(context.trace_id, _Trace())
            trace.running += 1
            trace.over_at = None

    def on_end(self, span: ReadableSpan) -> None:
        context = span.context
        if context is None:
            return
        if context.trace_flags.sampled:
            self._export.on_end(span)
            return
        if self._hold(context.trace_id, span):
            self._export.on_end(_sampled(span))

    def shutdown(self) -> None:
        self._export.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._export.force_flush(timeout_millis)

    def _hold(self, trace_id: int, span: ReadableSpan) -> bool:
        """Puts a span to those that wait; True: its trace is kept, so it need not."""
        now = time.monotonic()
        with self._lock:
            self._let_go()
            trace = self._traces.get(trace_id)
            if trace is None:
                return False
            trace.running -= 1
            if trace.running == 0:
                trace.over_at = now
                self._over.append((now + self._hold_s, trace_id))
            if trace.kept:
                return True
            if len(trace.spans) == SPANS_PER_TRACE:
                self.dropped += 1
                self.held -= 1
            elif self.held >= self._most_spans:
                self.dropped += 1
                return False
            trace.spans.append(span)
            self.held += 1
            return False

    def _let_go(self) -> None:
        """Forgets the traces that have been over for long enough."""
        now = time.monotonic()
        while self._over and self._over[0][0] <= now:
            due, trace_id = self._over.popleft()
            trace = self._traces.get(trace_id)
            # One that has gone on since stands further behind in the queue, or will.
            if trace is not None and trace.over_at is not None and trace.over_at + self._hold_s <= due:
                self._forget_spans(trace)
                del self._traces[trace_id]

    def _forget_spans(self, trace: _Trace) -> None:
        self.held -= len(trace.spans)
        trace.spans.clear()

    def _allow(self) -> bool:
        now = time.monotonic()
        earned = (now - self._allowance_at) * self._kept_per_s
        self._allowance = min(self._most_at_once, self._allowance + earned)
        self._allowance_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def _sampled(span: ReadableSpan) -> ReadableSpan:
    """The span as one that was sampled, which is what exporters take."""
    context = span.context
    assert context is not None
    flagged = SpanContext(
        context.trace_id,
        context.span_id,
        context.is_remote,
        TraceFlags(context.trace_flags | TraceFlags.SAMPLED),
        context.trace_state,
    )
    return ReadableSpan(
        name=span.name,
        context=flagged,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
