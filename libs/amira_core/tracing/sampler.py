"""The decision at a trace's beginning: sampled, or recorded in case the stream turns out notable."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes


class HeadSampler(Sampler):
    """As OpenTelemetry's samplers decide, but where they would drop a span, this one has it recorded."""

    def __init__(self, ratio: float, *, heeds_parent: bool) -> None:
        """`ratio` decides by the trace's id, so that every service comes to the same."""
        self._by_id = TraceIdRatioBased(ratio)
        self._heeds_parent = heeds_parent

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        follows = parent.is_valid and (self._heeds_parent or not parent.is_remote)
        if follows:
            sampled = parent.trace_flags.sampled
        else:
            sampled = self._by_id.should_sample(None, trace_id, name).decision is Decision.RECORD_AND_SAMPLE
        decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.RECORD_ONLY
        return SamplingResult(decision, attributes, parent.trace_state if parent.is_valid else None)

    def get_description(self) -> str:
        return f"HeadSampler({self._by_id.get_description()}, heeds_parent={self._heeds_parent})"
