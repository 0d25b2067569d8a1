"""Which spans leave a process: those of sampled traces at once, others when their trace is to be kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, Tracer, set_span_in_context

from amira_core.tracing import tail as tail_module
from amira_core.tracing.sampler import HeadSampler
from amira_core.tracing.tail import SPANS_PER_TRACE, TailBuffer


class Pipeline:
    """A tracer, the buffer, and what came out of it."""

    def __init__(
        self,
        *,
        ratio: float = 0.0,
        heeds_parent: bool = True,
        most_spans: int = 1000,
        kept_per_s: float = 100.0,
    ) -> None:
        self._exporter = InMemorySpanExporter()
        self.tail = TailBuffer(
            SimpleSpanProcessor(self._exporter), hold_s=10.0, most_spans=most_spans, kept_per_s=kept_per_s
        )
        provider = TracerProvider(
            sampler=HeadSampler(ratio, heeds_parent=heeds_parent), shutdown_on_exit=False
        )
        provider.add_span_processor(self.tail)
        self.tracer: Tracer = provider.get_tracer("test")

    def names(self) -> list[str]:
        """Names of the exported spans."""
        return [span.name for span in self.exported()]

    def exported(self) -> tuple[ReadableSpan, ...]:
        """The exported spans."""
        return self._exporter.get_finished_spans()


def under(parent: Span, pipeline: Pipeline, name: str) -> Span:
    return pipeline.tracer.start_span(name, set_span_in_context(parent))


def from_afar(*, sampled: bool) -> Span:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=flags))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the buffer's clock on by seconds."""
    now = [1000.0]

    def forward(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(tail_module.time, "monotonic", lambda: now[0])
    return forward


def test_sampled_spans_leave_at_once() -> None:
    pipeline = Pipeline(ratio=1.0)
    root = pipeline.tracer.start_span("root")
    under(root, pipeline, "part").end()
    assert pipeline.names() == ["part"]
    assert pipeline.tail.held == 0


def test_others_are_recorded_and_wait() -> None:
    pipeline = Pipeline()
    root = pipeline.tracer.start_span("root")
    assert root.is_recording()
    assert not root.get_span_context().trace_flags.sampled
    root.end()
    assert pipeline.names() == []
    assert pipeline.tail.held == 1


def test_a_kept_trace_leaves_whole_what_was_and_what_comes() -> None:
    pipeline = Pipeline()
    root = pipeline.tracer.start_span("root", attributes={"a": 1})
    under(root, pipeline, "before").end()
    other = pipeline.tracer.start_span("another trace")
    other.end()
    assert pipeline.tail.keep(root.get_span_context().trace_id)
    under(root, pipeline, "after").end()
    root.end()
    assert pipeline.names() == ["before", "after", "root"]
    assert all(span.context.trace_flags.sampled for span in pipeline.exported())
    assert dict(pipeline.exported()[-1].attributes or {}) == {"a": 1}
    assert pipeline.tail.is_exported(root.get_span_context())
    assert not pipeline.tail.is_exported(other.get_span_context())


def test_keeping_twice_exports_once() -> None:
    pipeline = Pipeline()
    root = pipeline.tracer.start_span("root")
    root.end()
    assert pipeline.tail.keep(root.get_span_context().trace_id)
    assert pipeline.tail.keep(root.get_span_context().trace_id)
    assert pipeline.names() == ["root"]


def test_an_unknown_trace_is_not_kept() -> None:
    assert not Pipeline().tail.keep(0x123)


def test_what_nobody_wants_is_let_go_once_it_has_been_over_for_long(clock: Callable[[float], None]) -> None:
    pipeline = Pipeline()
    root = pipeline.tracer.start_span("root")
    under(root, pipeline, "part").end()
    clock(3600)  # an hour-long stream goes on
    pipeline.tracer.start_span("elsewhere").end()
    assert pipeline.tail.held == 2
    root.end()
    clock(9)
    late = under(root, pipeline, "late")  # another call of the same stream
    clock(9)
    late.end()
    assert pipeline.tail.held == 3  # `elsewhere` is gone by now
    clock(10.1)
    pipeline.tracer.start_span("something else").end()
    assert pipeline.tail.held == 1
    assert not pipeline.tail.keep(root.get_span_context().trace_id)
    assert pipeline.names() == []


def test_of_a_long_stream_the_newest_spans_are_held() -> None:
    pipeline = Pipeline()
    root = pipeline.tracer.start_span("root")
    for number in range(SPANS_PER_TRACE + 5):
        under(root, pipeline, str(number)).end()
    assert pipeline.tail.held == SPANS_PER_TRACE
    assert pipeline.tail.dropped == 5
    pipeline.tail.keep(root.get_span_context().trace_id)
    assert pipeline.names()[0] == "5"
    assert pipeline.tail.held == 0


def test_memory_is_bounded_over_all_traces() -> None:
    pipeline = Pipeline(most_spans=10)
    for _ in range(25):
        pipeline.tracer.start_span("root").end()
    assert pipeline.tail.held == 10
    assert pipeline.tail.dropped == 15


def test_a_flood_of_failures_is_thinned_out(clock: Callable[[float], None]) -> None:
    pipeline = Pipeline(kept_per_s=2.0)

    def fail(times: int) -> None:
        for _ in range(times):
            root = pipeline.tracer.start_span("root")
            root.end()
            pipeline.tail.keep(root.get_span_context().trace_id)

    fail(50)
    assert len(pipeline.names()) == 4
    assert pipeline.tail.denied == 46
    clock(1.0)
    fail(50)
    assert len(pipeline.names()) == 6


def test_less_than_one_a_second_is_possible_and_none_too() -> None:
    for kept_per_s, kept in ((0.1, 1), (0.0, 0)):
        pipeline = Pipeline(kept_per_s=kept_per_s)
        for _ in range(3):
            root = pipeline.tracer.start_span("root")
            root.end()
            pipeline.tail.keep(root.get_span_context().trace_id)
        assert len(pipeline.names()) == kept


@pytest.mark.parametrize("sampled", [True, False])
def test_a_caller_decides_where_it_is_heeded(sampled: bool) -> None:
    pipeline = Pipeline(ratio=0.0 if sampled else 1.0)
    span = under(from_afar(sampled=sampled), pipeline, "call")
    assert bool(span.get_span_context().trace_flags.sampled) is sampled


@pytest.mark.parametrize("sampled", [True, False])
def test_a_caller_does_not_where_it_is_not_but_the_trace_stays_of_one_mind(sampled: bool) -> None:
    pipeline = Pipeline(ratio=0.0 if sampled else 1.0, heeds_parent=False)
    call = under(from_afar(sampled=sampled), pipeline, "call")
    part = under(call, pipeline, "part")
    assert bool(call.get_span_context().trace_flags.sampled) is not sampled
    assert part.get_span_context().trace_flags == call.get_span_context().trace_flags
