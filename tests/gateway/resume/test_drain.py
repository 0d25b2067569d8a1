"""A gateway that is about to stop: who is told, who is refused, and when it has stopped."""

from __future__ import annotations

import asyncio

from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira_core import errors
from amira_gateway.server import drain
from tests.gateway.resume.test_sessions import begin, lose, refusal, take_up
from tests.gateway.scripted import END, Stack, audio, config, finish, pattern, running, until


def draining(stack: Stack, timeout_s: float) -> asyncio.Task[None]:
    return asyncio.create_task(drain(stack.gateway_server, stack.gateway, timeout_s))


async def test_streams_are_told_at_once_and_served_to_their_end() -> None:
    async with running() as stack:
        await stack.gateway_server.set_ready(True)
        calls = [stack.open() for _ in range(3)]
        for call in calls:
            await call.write(config())
            assert (await call.read()).HasField("session")
        stopping = draining(stack, 600)
        for call in calls:
            told = await call.read()
            assert told.WhichOneof("response") == "draining"
            assert 0 < told.draining.time_left.ToMilliseconds() <= 600_000
        health = await health_pb2_grpc.HealthStub(stack.channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING
        error = await refusal(stack, config())
        assert isinstance(error, errors.DrainingError)  # not a closed port: it says why
        for call in calls:
            await call.write(audio(pattern(640)))
            await call.write(END)
            assert (await finish(call)).finals == ["640 bytes"]
        async with asyncio.timeout(60):
            await stopping  # with the last stream, not when its time is up


async def test_a_stream_that_has_not_begun_is_told_after_its_first_response() -> None:
    async with running() as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: object) -> None:
            await gate.wait()

        stack.decoder.hook = hold
        call = stack.open()
        await call.write(config())
        await until(lambda: bool(stack.decoder.calls))
        stopping = draining(stack, 60)
        await asyncio.sleep(0.1)
        gate.set()
        assert (await call.read()).WhichOneof("response") == "session"
        assert (await call.read()).WhichOneof("response") == "draining"
        await call.write(END)
        await finish(call)
        await stopping


async def test_a_lost_client_may_still_come_back() -> None:
    async with running() as stack:
        call, first = await begin(stack, audio(pattern(640)))
        await lose(stack, call)
        stopping = draining(stack, 60)
        await asyncio.sleep(0.1)
        assert not stopping.done()
        call, _ = await take_up(stack, first.session.resume_token, 1)
        assert (await call.read()).WhichOneof("response") == "draining"
        await call.write(END)
        assert (await finish(call)).finals == ["640 bytes"]
        await stopping


async def test_nobody_is_waited_for_longer_than_that() -> None:
    async with running() as stack:
        call, _ = await begin(stack)
        await lose(stack, call)
        other, _ = await begin(stack)
        stack.open()  # says nothing at all
        await draining(stack, 0.2)
        answer = await finish(other)
        assert isinstance(answer.error, errors.DrainingError)
        await stack.freed()
