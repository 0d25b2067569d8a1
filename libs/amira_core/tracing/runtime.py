"""One process's tracing, once it is on: where spans come from, and by which way they leave."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable
from typing import Any, Final

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, get_current_span

from amira_core.tracing.decisions import Decisions
from amira_core.tracing.ids import TraceIds
from amira_core.tracing.quiet_logs import QuietLogs
from amira_core.tracing.recording import RecordedTrace, parent_of, rpc_attributes
from amira_core.tracing.sampler import HeadSampler
from amira_core.tracing.settings import TracingSettings
from amira_core.tracing.tail import TailBuffer

_DELAY_MS: Final = 1000
_SPANS_PER_EXPORT: Final = 128
"""Few, because the event loop stands still for parts of the time in which they are encoded."""
_LAST_EXPORT_S: Final = 2.0


class Tracing:
    """Records and exports. Ending a span costs microseconds, whatever the collector does or does not do."""

    def __init__(self, service: str, settings: TracingSettings) -> None:
        """`service`: its name in traces. `settings`: with an endpoint."""
        QuietLogs().install()
        self.slow_s = settings.amira_trace_slow_ms / 1000
        self._export = BatchSpanProcessor(
            OTLPSpanExporter(endpoint=settings.endpoint),
            schedule_delay_millis=_unless_set("OTEL_BSP_SCHEDULE_DELAY", _DELAY_MS),
            max_export_batch_size=_unless_set("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _SPANS_PER_EXPORT),
        )
        self.tail = TailBuffer(
            self._export,
            hold_s=settings.amira_trace_hold_s,
            most_spans=settings.amira_trace_held_spans,
            kept_per_s=settings.amira_trace_kept_per_s,
        )
        provider = TracerProvider(
            sampler=HeadSampler(settings.ratio, heeds_parent=settings.heeds_parent),
            resource=Resource.create(
                {
                    "service.name": service,
                    "service.namespace": "amira",
                    "service.instance.id": uuid.uuid4().hex,
                }
            ),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self.tail)
        self.provider = provider
        self.tracer = provider.get_tracer("amira")
        self.decisions = Decisions()
        self.is_behind_gateway = False
        """Whether callers may decide what becomes of a trace. Clients from outside may not."""

    def server_call(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> RecordedTrace:
        """The span of a call that has come in. `method`: ``package.Service/Method``."""
        span = self.tracer.start_span(method, parent_of(metadata), SpanKind.SERVER, rpc_attributes(method))
        return RecordedTrace(self, span)

    def client_interceptors(self) -> list[grpc.aio.ClientInterceptor]:
        """For channels to other services: spans of their unary calls. Streams are not touched."""
        from opentelemetry.instrumentation.grpc import aio_client_interceptors, filters

        unary, *_ = aio_client_interceptors(  # type: ignore[no-untyped-call]  # it has no types
            tracer_provider=self.provider,
            filter_=filters.negate(
                filters.any_of(
                    filters.health_check(),
                    filters.service_prefix("amira.trace."),
                    filters.service_prefix("inference."),  # Triton: one call per tick
                )
            ),
        )
        return [unary]

    def shut_down(self) -> None:
        """Exports what is left, as far as that takes no more than two seconds. Blocks meanwhile."""
        # In a thread that nobody waits for longer: a collector that hangs must not hold up the exit.
        last = threading.Thread(target=self._export.shutdown, name="last traces", daemon=True)
        last.start()
        last.join(_LAST_EXPORT_S)


def current_ids() -> TraceIds | None:
    """See :func:`amira_core.tracing.ids.current_trace_ids`."""
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return TraceIds(f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled)


def _unless_set(variable: str, value: Any) -> Any:
    """`value`, unless the environment has another one, which OpenTelemetry reads itself."""
    return None if variable in os.environ else value
