"""A collector in the test: spans by OTLP over gRPC, and over HTTP as JSON, as Triton sends them."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

Value = str | bool | int | float


@dataclass(frozen=True)
class TracedEvent:
    """Something that happened in a span."""

    name: str
    time_ns: int
    attributes: dict[str, Value]


@dataclass(frozen=True)
class TracedSpan:
    """A span, whichever way it was read back."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    """``server``, ``client`` or ``internal``."""
    start_ns: int
    end_ns: int
    attributes: dict[str, Value]
    events: list[TracedEvent]
    links: list[tuple[str, str]]
    """Trace and span ids."""
    failed: bool

    def event_names(self) -> list[str]:
        """Names of its events, in order."""
        return [event.name for event in self.events]


@dataclass
class Collector:
    """What has been received so far."""

    spans: list[TracedSpan] = field(default_factory=list)
    grpc_port: int = 0
    http_port: int = 0
    asked: threading.Event = field(default_factory=threading.Event)
    """Set once anything has come by gRPC."""

    @property
    def environment(self) -> dict[str, str]:
        """Sends a stack's traces here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.grpc_port}",
            "AMIRA_TRITON_OTLP_HTTP_ENDPOINT": f"http://127.0.0.1:{self.http_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    def trace(self, trace_id: str) -> list[TracedSpan]:
        """The spans of one trace."""
        return [span for span in list(self.spans) if span.trace_id == trace_id]

    def wait_for(
        self, trace_id: str, complete: Callable[[list[TracedSpan]], bool], timeout_s: float = 60.0
    ) -> list[TracedSpan]:
        """The spans of a trace once they are `complete`; what there is of them after `timeout_s`."""
        give_up_at = time.monotonic() + timeout_s
        while not complete(self.trace(trace_id)) and time.monotonic() < give_up_at:
            time.sleep(0.05)
        return self.trace(trace_id)


@contextmanager
def collecting(grpc_port: int = 0, answer_after: threading.Event | None = None) -> Iterator[Collector]:
    """A running collector. `answer_after`: what it awaits before it answers anything."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(4))
    servicer = _Servicer(collector, answer_after)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    collector.grpc_port = server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(collector))
    collector.http_port = web.server_address[1]
    listening = threading.Thread(target=web.serve_forever, daemon=True)
    server.start()
    listening.start()
    try:
        yield collector
    finally:
        server.stop(0).wait()
        web.shutdown()
        web.server_close()
        listening.join()


class _Servicer(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collector: Collector, answer_after: threading.Event | None) -> None:
        self._collector = collector
        self._answer_after = answer_after

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the proto's name
        self._collector.asked.set()
        if self._answer_after is not None:
            self._answer_after.wait()
            return trace_service_pb2.ExportTraceServiceResponse()
        self._collector.spans += _spans(request)
        return trace_service_pb2.ExportTraceServiceResponse()


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = trace_service_pb2.ExportTraceServiceRequest()
            collector.spans += _spans(ParseDict(_with_base64_ids(body), request, ignore_unknown_fields=True))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _with_base64_ids(value: Any) -> Any:
    """OTLP's JSON has ids in hex where protobuf's has base64."""
    if isinstance(value, list):
        return [_with_base64_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    ids = {"traceId", "spanId", "parentSpanId"}
    return {
        key: base64.b64encode(bytes.fromhex(each)).decode() if key in ids else _with_base64_ids(each)
        for key, each in value.items()
    }


_KINDS = {2: "server", 3: "client"}


def _spans(request: Any) -> list[TracedSpan]:
    found = []
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            found += [_span(str(resource.get("service.name", "")), span) for span in scope_spans.spans]
    return found


def _span(service: str, span: Any) -> TracedSpan:
    return TracedSpan(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex().strip("0") and span.parent_span_id.hex(),
        kind=_KINDS.get(span.kind, "internal"),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[TracedEvent(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        failed=span.status.code == 2,
    )


def _attributes(pairs: Any) -> dict[str, Value]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
