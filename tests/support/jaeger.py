"""A real Jaeger for tests, run by a thread of its own, and what it has of a trace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from amira_local.jaeger import Jaeger, JaegerPorts
from amira_local.trace_view import ReadSpan, read_trace
from tests.support.otlp import TracedEvent, TracedSpan


class JaegerThread:
    """``with JaegerThread() as jaeger: jaeger.environment``; read like the collector of otlp.py."""

    def __init__(self) -> None:
        self._jaeger = Jaeger(JaegerPorts.free())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jaeger", daemon=True)
        self.url = self._jaeger.url

    @property
    def environment(self) -> dict[str, str]:
        """Sends a stack's traces here, soon."""
        return {**self._jaeger.environment, "OTEL_BSP_SCHEDULE_DELAY": "200"}

    def wait_for(
        self, trace_id: str, complete: Callable[[list[TracedSpan]], bool], timeout_s: float = 60.0
    ) -> list[TracedSpan]:
        """The spans of a trace once they are `complete`; what there is of them after `timeout_s`."""
        give_up_at = time.monotonic() + timeout_s
        while True:
            spans = [_converted(trace_id, span) for span in read_trace(self.url, trace_id)]
            if complete(spans) or time.monotonic() > give_up_at:
                return spans
            time.sleep(0.1)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._jaeger.start(), self._loop).result(60)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._jaeger.stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def _converted(trace_id: str, span: ReadSpan) -> TracedSpan:
    return TracedSpan(
        service=span.service,
        name=span.name,
        trace_id=trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        kind=str(span.attributes.get("span.kind", "internal")),
        start_ns=span.start_us * 1000,
        end_ns=(span.start_us + span.duration_us) * 1000,
        attributes=span.attributes,
        events=[TracedEvent(name, at_us * 1000, attributes) for name, at_us, attributes in span.events],
        links=span.links,
        failed=span.failed,
    )
