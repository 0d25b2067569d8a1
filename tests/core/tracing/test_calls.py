"""A span for each call: how it ended, whose trace it belongs to, and what its caller is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira.trace.v1 import trace_pb2, trace_pb2_grpc
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.server import RpcServer
from amira_core.tracing.ids import current_trace_ids
from amira_core.tracing.process import accept_decisions, client_interceptors, end_tracing
from amira_core.tracing.stream import NO_TRACE, StreamTrace, stream_trace
from tests.core.tracing.conftest import TraceTo
from tests.support.otlp import Collector, TracedSpan

CALLER = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
CALLERS_TRACE, CALLERS_SPAN = CALLER.split("-")[1:3]
METHOD = "/test.Echo/Stream"

Handler = Callable[[Any, Any], Any]


@asynccontextmanager
async def serving(
    handler: Handler,
    shape: str = "stream_stream",
    interceptors: Sequence[grpc.aio.ClientInterceptor] | None = None,
    *,
    behind_gateway: bool = False,
) -> AsyncIterator[grpc.aio.Channel]:
    """A server with one method of the given shape, of bytes; a channel to it."""
    server = RpcServer("127.0.0.1:0", "test.Echo")
    make = getattr(grpc, f"{shape}_rpc_method_handler")
    server.grpc.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("test.Echo", {"Stream": make(handler)})]
    )
    if behind_gateway:
        accept_decisions(server.grpc)
    port = await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=interceptors) as channel:
            yield channel
    finally:
        await server.stop(0)


async def echo(requests: Any, context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def the_span(collector: Collector, name: str = "test.Echo/Stream") -> TracedSpan:
    """The one span of that name."""
    for _ in range(6000):
        found = [span for span in collector.spans if span.name == name]
        if found:
            assert len(found) == 1
            return found[0]
        await asyncio.sleep(0.01)
    raise AssertionError(f"no span {name!r} came, but {collector.spans}")


async def trailing(call: Any) -> dict[str, str]:
    return {key: value for key, value in await call.trailing_metadata() if isinstance(value, str)}


async def talk(channel: grpc.aio.Channel, *requests: bytes, **options: Any) -> tuple[Any, list[bytes]]:
    call = channel.stream_stream(METHOD)(iter(requests), **options)
    return call, [response async for response in call]


async def test_a_stream_that_ends_well(collector: Collector, trace_to: TraceTo) -> None:
    trace_to(collector.grpc_port)
    async with serving(echo) as channel:
        call, responses = await talk(channel, b"a", b"b")
        told = await trailing(call)
    span = await the_span(collector)
    assert responses == [b"a", b"b"]
    assert (span.service, span.kind, span.parent_id, span.failed) == ("amira-test", "server", "", False)
    assert span.attributes["rpc.grpc.status_code"] == 0
    assert span.attributes["rpc.method"] == "Stream"
    assert told["traceresponse"] == f"00-{span.trace_id}-{span.span_id}-01"


async def test_handlers_of_every_shape(collector: Collector, trace_to: TraceTo) -> None:
    async def one(request: bytes, context: Any) -> bytes:
        return request

    async def several(request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield request
        yield request

    async def last(requests: Any, context: Any) -> bytes:
        return [request async for request in requests][-1]

    async def by_context(requests: Any, context: Any) -> None:
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(request)

    trace_to(collector.grpc_port)
    async with serving(one, "unary_unary") as channel:
        assert await channel.unary_unary(METHOD)(b"a") == b"a"
    async with serving(several, "unary_stream") as channel:
        assert [each async for each in channel.unary_stream(METHOD)(b"a")] == [b"a", b"a"]
    async with serving(last, "stream_unary") as channel:
        assert await channel.stream_unary(METHOD)(iter([b"a", b"b"])) == b"b"
    async with serving(by_context) as channel:
        assert (await talk(channel, b"a"))[1] == [b"a"]
    end_tracing()
    assert [span.attributes["rpc.grpc.status_code"] for span in collector.spans] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (errors.NoCapacityError("full"), grpc.StatusCode.RESOURCE_EXHAUSTED, "NO_CAPACITY"),
        (errors.MalformedAudioError("odd"), grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_AUDIO"),
        (ValueError("secret"), grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
async def test_a_stream_that_fails(
    error: Exception, code: grpc.StatusCode, reason: str, collector: Collector, trace_to: TraceTo
) -> None:
    async def fail(requests: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"a"
        raise error

    trace_to(collector.grpc_port)
    async with serving(fail) as channel:
        call = channel.stream_stream(METHOD)(iter([b"a"]))
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            [response async for response in call]
        told = await trailing(call)
    span = await the_span(collector)
    assert failure.value.code() is code
    assert span.failed
    assert span.attributes["error.type"] == reason
    assert span.attributes["rpc.grpc.status_code"] == code.value[0]
    assert span.trace_id in told["traceresponse"]
    assert "secret" not in str(span)


async def test_a_stream_whose_client_goes_is_cancelled_and_no_failure(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def at_work(requests: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    trace_to(collector.grpc_port)
    async with serving(at_work) as channel:
        call = channel.stream_stream(METHOD)()
        assert await call.read() == b"a"
        call.cancel()
        span = await the_span(collector)
    assert span.attributes["rpc.grpc.status_code"] == grpc.StatusCode.CANCELLED.value[0]
    assert not span.failed


async def test_what_the_client_wished_is_no_failure(collector: Collector, trace_to: TraceTo) -> None:
    async def abandon(requests: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"a"
        raise errors.StreamAbandonedError("as asked")

    trace_to(collector.grpc_port)
    async with serving(abandon) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await talk(channel)
    span = await the_span(collector)
    assert not span.failed
    assert span.attributes["rpc.grpc.status_code"] == grpc.StatusCode.ABORTED.value[0]


async def test_a_callers_trace_goes_on(collector: Collector, trace_to: TraceTo) -> None:
    trace_to(collector.grpc_port, otel_traces_sampler="parentbased_always_off")
    async with serving(echo) as channel:
        await talk(channel, b"a", metadata=(("traceparent", CALLER),))
    span = await the_span(collector)
    assert (span.trace_id, span.parent_id) == (CALLERS_TRACE, CALLERS_SPAN)


@pytest.mark.parametrize(
    "junk", ["", "x", "00-0-0-01", "ff-" + CALLER[3:], CALLER[:-2], "00-" + "0" * 32 + CALLER[35:]]
)
async def test_a_traceparent_that_is_none_begins_a_trace(
    junk: str, collector: Collector, trace_to: TraceTo
) -> None:
    trace_to(collector.grpc_port)
    async with serving(echo) as channel:
        await talk(channel, b"a", metadata=(("traceparent", junk), ("tracestate", "=,=,,a=b")))
    span = await the_span(collector)
    assert span.parent_id == ""
    assert span.trace_id != CALLERS_TRACE


async def test_logs_and_tasks_of_a_call_know_its_trace(collector: Collector, trace_to: TraceTo) -> None:
    seen = []

    async def look(requests: Any, context: Any) -> AsyncIterator[bytes]:
        seen.append(current_trace_ids())
        seen.append(await asyncio.create_task(_ids()))
        yield b"a"

    async def _ids() -> Any:
        return current_trace_ids()

    trace_to(collector.grpc_port)
    assert current_trace_ids() is None
    async with serving(look) as channel:
        await talk(channel)
    span = await the_span(collector)
    assert current_trace_ids() is None
    assert seen == [(span.trace_id, span.span_id, True)] * 2


async def test_parts_and_calls_to_other_services_are_children(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def relay(requests: Any, context: Any) -> AsyncIterator[bytes]:
        async with serving(echo) as behind:
            with stream_trace().begin("part", kind="test") as part, part.current():
                outgoing = stream_trace().call("test.Echo/Stream", "behind", behind)
                call = outgoing.watch(behind.stream_stream(METHOD)(metadata=outgoing.metadata))
                duplex = DuplexCall(call)
                await duplex.write(b"b")
                await duplex.done_writing()
                yield (await duplex.read()) or b""
                assert await duplex.read() is None

    trace_to(collector.grpc_port)
    async with serving(relay) as channel:
        assert (await talk(channel))[1] == [b"b"]
    end_tracing()
    behind, outgoing, part, front = sorted(collector.spans, key=lambda span: -span.start_ns)
    assert [span.kind for span in (front, part, outgoing, behind)] == [
        "server", "internal", "client", "server",
    ]  # fmt: skip
    assert (part.parent_id, outgoing.parent_id, behind.parent_id) == (
        front.span_id, part.span_id, outgoing.span_id,
    )  # fmt: skip
    assert part.attributes == {"amira.kind": "test"}
    assert outgoing.attributes["server.address"] == "behind"
    assert {span.trace_id for span in collector.spans} == {front.trace_id}


async def test_what_is_said_of_a_span_that_is_over_is_let_go(
    collector: Collector, trace_to: TraceTo, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: list[StreamTrace] = []

    async def leave(requests: Any, context: Any) -> AsyncIterator[bytes]:
        kept.append(stream_trace())
        yield b"a"

    trace_to(collector.grpc_port)
    async with serving(leave) as channel:
        await talk(channel)
    [late] = kept
    late.set(a=1)
    late.event("late")
    late.link(CALLER)
    late.ended_as("DECODER_LOST")
    span = await the_span(collector)
    assert not span.failed
    assert span.links == []
    assert span.events == []
    assert "ended span" not in capsys.readouterr().out


async def test_a_failed_call_to_another_service_is_marked_but_the_stream_need_not_fail(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def refuse(requests: Any, context: Any) -> AsyncIterator[bytes]:
        raise errors.NoCapacityError("full")
        yield b""

    async def relay(requests: Any, context: Any) -> AsyncIterator[bytes]:
        async with serving(refuse) as behind:
            outgoing = stream_trace().call("test.Echo/Refused", "behind", behind)
            call = outgoing.watch(behind.stream_stream(METHOD)(metadata=outgoing.metadata))
            with pytest.raises(grpc.aio.AioRpcError):
                await call.read()
            yield b"well"

    trace_to(collector.grpc_port)
    async with serving(relay) as channel:
        await talk(channel)
    end_tracing()
    refused = next(span for span in collector.spans if span.name == "test.Echo/Refused")
    front = next(span for span in collector.spans if not span.parent_id)
    assert refused.failed
    assert not front.failed
    assert front.event_names() == ["replica_refused"]


async def test_unary_calls_to_other_services_are_spans_and_health_checks_are_not(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def one(request: bytes, context: Any) -> bytes:
        return request

    trace_to(collector.grpc_port)
    async with serving(one, "unary_unary", client_interceptors()) as channel:
        assert await channel.unary_unary(METHOD)(b"a") == b"a"
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set in __init__
        await check(health_pb2.HealthCheckRequest())
    end_tracing()
    server, client = sorted(collector.spans, key=lambda span: span.kind == "client")
    assert (client.kind, server.kind) == ("client", "server")
    assert server.parent_id == client.span_id


async def test_health_watch_lives_and_is_no_span(collector: Collector, trace_to: TraceTo) -> None:
    trace_to(collector.grpc_port)
    async with serving(echo) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())  # type: ignore[attr-defined]
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        await talk(channel, b"a")
    end_tracing()
    assert [span.name for span in collector.spans] == ["test.Echo/Stream"]


async def test_what_is_not_sampled_is_exported_when_it_fails_and_only_then(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def fail_on_x(requests: Any, context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            with stream_trace().begin("part"):
                if request == b"x":
                    raise errors.DecoderLostError("lost")
            yield request

    trace_to(collector.grpc_port, otel_traces_sampler="always_off")
    async with serving(fail_on_x) as channel:
        await talk(channel, b"a")
        with pytest.raises(grpc.aio.AioRpcError):
            await talk(channel, b"a", b"x")
    end_tracing()
    assert sorted(span.name for span in collector.spans) == ["part", "part", "test.Echo/Stream"]
    assert len({span.trace_id for span in collector.spans}) == 1
    front = next(span for span in collector.spans if not span.parent_id)
    assert front.attributes["amira.kept"] == "failed"
    assert front.event_names() == ["ended"]


async def test_a_service_behind_keeps_what_its_caller_tells_it_and_decides_nothing_itself(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def fail(requests: Any, context: Any) -> AsyncIterator[bytes]:
        raise errors.EncoderLostError("lost")
        yield b""

    trace_to(collector.grpc_port, otel_traces_sampler="always_off")
    async with serving(fail, behind_gateway=True) as channel:
        for trace_id in (CALLERS_TRACE, "f" * 32):
            held = (("traceparent", f"00-{trace_id}-{CALLERS_SPAN}-00"), ("tracestate", "amira=held"))
            with pytest.raises(grpc.aio.AioRpcError):
                await talk(channel, metadata=held)
        keep = trace_pb2_grpc.TracesStub(channel).Keep
        await keep(trace_pb2.KeepRequest(trace_ids=[bytes.fromhex(CALLERS_TRACE), b"", b"x" * 99]))
    end_tracing()
    assert [span.trace_id for span in collector.spans] == [CALLERS_TRACE]


async def test_a_client_from_outside_cannot_keep_a_failure_from_being_exported(
    collector: Collector, trace_to: TraceTo
) -> None:
    async def fail(requests: Any, context: Any) -> AsyncIterator[bytes]:
        raise errors.EncoderLostError("lost")
        yield b""

    trace_to(collector.grpc_port, otel_traces_sampler="always_off")
    async with serving(fail) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await talk(channel, metadata=(("traceparent", CALLER), ("tracestate", "amira=held")))
    end_tracing()
    assert [span.trace_id for span in collector.spans] == [CALLERS_TRACE]


async def test_outside_of_calls_there_is_no_trace(collector: Collector, trace_to: TraceTo) -> None:
    trace_to(collector.grpc_port)
    assert stream_trace() is NO_TRACE
