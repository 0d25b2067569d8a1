"""A stream over a WebSocket is a trace, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amira_core.tracing.process import configure_tracing, end_tracing
from amira_core.tracing.settings import TracingSettings
from tests.gateway.web.door import CONFIG, END, SECOND, answers, serving
from tests.support.otlp import Collector, collecting

CALLER = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that this process sends its traces to."""
    with collecting() as running:
        endpoint = f"http://127.0.0.1:{running.grpc_port}"
        configure_tracing("amira-gateway", TracingSettings(otel_exporter_otlp_endpoint=endpoint))
        yield running
        end_tracing()


async def test_from_its_callers_trace_to_the_services(collector: Collector) -> None:
    async with serving() as web:
        ws = await web.connect(traceparent=CALLER)
        await ws.send_json(CONFIG)
        await ws.send_bytes(SECOND)
        await ws.send_json(END)
        messages = await answers(ws)
        await web.stack.freed()
    end_tracing()
    trace_id, caller_id = CALLER.split("-")[1:3]
    assert messages[0]["session"]["traceId"] == trace_id
    by_name = {span.name: span for span in collector.trace(trace_id) if span.kind != "client"}
    call, session = by_name["amira.asr.v1.Speech/StreamingRecognize"], by_name["session"]
    assert (call.parent_id, session.parent_id) == (caller_id, call.span_id)
    assert {"amira.frontend.v1.Frontend/Extract", "amira.decoder.v1.Decoder/Decode"} <= set(by_name)


async def test_what_fails_is_marked(collector: Collector) -> None:
    async with serving() as web:
        ws = await web.connect()
        await ws.send_json(END)
        await answers(ws)
    end_tracing()
    [call] = [span for span in collector.spans if span.kind == "server"]
    assert call.failed
    assert call.attributes["error.type"] == "CONFIG_MISSING"


async def test_foreign_protocols_have_traces_too(collector: Collector) -> None:
    async with serving() as web:
        url = web.url("/v1/listen?encoding=linear16&sample_rate=16000")
        async with web.http.post(url, data=SECOND, headers={"traceparent": CALLER}) as answer:
            heard = await answer.json()
        await web.stack.freed()
    end_tracing()
    assert heard["results"]["channels"][0]["alternatives"][0]["transcript"] == "32000 bytes"
    trace_id, caller_id = CALLER.split("-")[1:3]
    by_name = {span.name: span for span in collector.trace(trace_id) if span.kind != "client"}
    call, session = by_name["deepgram.Listen"], by_name["session"]
    assert (call.parent_id, session.parent_id) == (caller_id, call.span_id)
