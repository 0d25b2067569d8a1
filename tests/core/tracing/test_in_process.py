"""Calls within a process are spans of the stream's trace, as calls over the wire are."""

from __future__ import annotations

import asyncio
from typing import Any

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira_core.rpc.call import DuplexCall
from amira_core.tracing.process import incoming_trace
from tests.core.in_process.talk import SERVICE, served
from tests.core.tracing.conftest import TraceTo
from tests.support.otlp import Collector

ADDRESS = "in-process:traced"


class Echo(decoder_pb2_grpc.DecoderServicer):
    async def Decode(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        async for request in request_iterator:
            yield decoder_pb2.DecodeResponse(decoded_frames=len(request.features))


async def test_both_ends_of_a_call_are_in_the_trace_and_it_can_be_kept(
    collector: Collector, trace_to: TraceTo
) -> None:
    trace_to(collector.grpc_port, otel_traces_sampler="traceidratio", otel_traces_sampler_arg="0")
    stream = incoming_trace("amira.asr.v1.Speech/StreamingRecognize", ())
    with stream.current():
        async with served(ADDRESS, Echo()) as channel:
            outgoing = stream.call(f"{SERVICE}/Decode", ADDRESS, channel)
            stub = decoder_pb2_grpc.DecoderStub(channel)
            call: DuplexCall[Any, Any] = DuplexCall(outgoing.watch(stub.Decode(metadata=outgoing.metadata)))
            await call.write(decoder_pb2.DecodeRequest(features=b"123"))
            assert (await call.read()).decoded_frames == 3
            await call.done_writing()
            assert await call.read() is None
            stream.keep(
                "slow"
            )  # nobody serves Traces within a process: there is one buffer for all its spans
            await asyncio.sleep(0.05)
    stream.end()
    for _ in range(6000):
        if len(collector.spans) >= 3:
            break
        await asyncio.sleep(0.01)
    by_kind = {(span.name, span.kind): span for span in collector.spans}
    root = by_kind["amira.asr.v1.Speech/StreamingRecognize", "server"]
    client = by_kind[f"{SERVICE}/Decode", "client"]
    server = by_kind[f"{SERVICE}/Decode", "server"]
    assert (client.parent_id, server.parent_id) == (root.span_id, client.span_id)
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert not any(span.failed for span in collector.spans)
