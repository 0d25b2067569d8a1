"""A stream that goes on elsewhere stays one trace, if its client is ours; what it goes on from is linked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient, ServerError, tracing
from amira_core.tracing.process import configure_tracing, end_tracing
from amira_core.tracing.settings import TracingSettings
from tests.gateway.resume.fleet import PCM, fleet
from tests.gateway.scripted import pattern
from tests.support.otlp import Collector, TracedSpan, collecting


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that this process sends its traces to."""
    with collecting() as running:
        endpoint = f"http://127.0.0.1:{running.grpc_port}"
        configure_tracing("amira-gateway", TracingSettings(otel_exporter_otlp_endpoint=endpoint))
        yield running
        end_tracing()


def exported(collector: Collector, name: str) -> list[TracedSpan]:
    """Spans by the end of their name, in order, once all have been sent."""
    end_tracing()
    return sorted(
        (span for span in collector.spans if span.name.endswith(name)), key=lambda span: span.start_ns
    )


async def speak(client: AmiraClient, then: Callable[[], Awaitable[None]] | None = None) -> None:
    """A stream; `then` is awaited once the server has answered, with the client able to resume."""
    async with client.stream(PCM) as stream:
        await stream.send(pattern(64_000))
        await stream.flush()
        finals = 0
        async for response in stream:
            finals += response.HasField("result") and response.result.is_final
            if finals == 1 and then is not None:
                todo, then = then, None
                await todo()
                await stream.send(pattern(64_000))
                await stream.end()
            elif finals == 1 and not stream.ended:
                await stream.end()


async def test_a_resumed_call_belongs_to_the_trace_of_the_first(collector: Collector) -> None:
    async with fleet(gateways=1, resume_window_s=60) as net:

        async def cut() -> None:
            net.gateways[0].proxy.cut()

        async with AmiraClient(net.target) as client:
            await speak(client, cut)
        await net.freed()
    first, second = exported(collector, "StreamingRecognize")
    [session] = exported(collector, "session")
    assert first.trace_id == second.trace_id == session.trace_id
    assert second.parent_id == first.span_id
    assert session.parent_id == first.span_id
    assert session.links == [(second.trace_id, second.span_id)]
    assert [name for name in session.event_names() if name in ("detached", "resumed")][-1] == "resumed"
    assert session.attributes["amira.ended"] == "OK"


async def test_another_gateway_links_to_the_session_that_it_goes_on_from(collector: Collector) -> None:
    async with fleet() as net:
        async with AmiraClient([gateway.target for gateway in net.gateways]) as client:
            await speak(client, net.gateways[0].kill)
        await net.freed()
    before, after = exported(collector, "session")
    assert before.trace_id == after.trace_id
    assert after.links == [(before.trace_id, before.span_id)]
    assert "resumed" in after.event_names()
    assert before.attributes["amira.session_id"] != after.attributes["amira.session_id"]


@pytest.fixture
def application(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Iterator[TracerProvider]:
    """An application that traces by itself."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": "application"}), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{collector.grpc_port}")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry's own way, a global provider, is for once per process.
    api = SimpleNamespace(**{**vars(tracing.otel), "get_tracer": provider.get_tracer})
    monkeypatch.setattr(tracing, "otel", api)
    yield provider
    provider.shutdown()


async def test_a_stream_is_a_span_of_the_application_that_has_tracing(
    collector: Collector, application: TracerProvider
) -> None:
    async with fleet(gateways=1) as net:
        with application.get_tracer("test").start_as_current_span("work of the application"):
            async with AmiraClient(net.target) as client:
                await speak(client)
        await net.freed()
    [work] = exported(collector, "work of the application")
    ours, theirs = exported(collector, "StreamingRecognize")
    [session] = exported(collector, "session")
    assert (ours.service, ours.kind, theirs.service) == ("application", "client", "amira-gateway")
    assert (ours.parent_id, theirs.parent_id) == (work.span_id, ours.span_id)
    assert ours.attributes["amira.session_id"] == session.attributes["amira.session_id"]
    assert not ours.failed


async def test_a_stream_that_fails_is_a_failed_span_of_the_application(
    collector: Collector, application: TracerProvider
) -> None:
    config = config_pb2.RecognitionConfig()
    config.CopyFrom(PCM)
    config.sample_rate_hz = 1
    async with fleet(gateways=1) as net:
        async with AmiraClient(net.target) as client, client.stream(config) as stream:
            with pytest.raises(ServerError):
                await anext(stream)
        await net.freed()
    ours, theirs = exported(collector, "StreamingRecognize")
    assert ours.failed
    assert theirs.failed
    assert ours.attributes["error.type"] == theirs.attributes["error.type"] == "BAD_SAMPLE_RATE"
