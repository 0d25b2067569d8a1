"""Clients that leave, services that die or hang: the right status, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from amira_core import errors
from amira_gateway.server import drain
from tests.gateway.scripted import (
    END,
    FLUSH,
    KEEP_ALIVE,
    Stack,
    audio,
    config,
    finish,
    mark,
    pattern,
    running,
    talk,
    until,
)

POINTS = ["opened", "configured", "accepted", "audio", "backlog", "flushed", "ended"]


async def reach(stack: Stack, point: str) -> Any:
    """A call that has come to `point`; the decoder acts on nothing after that."""
    hold = {"configured": "config", "backlog": "features", "flushed": "flush", "ended": "end"}.get(point)

    async def hook(call: object, request: Any) -> None:
        if request.WhichOneof("request") == hold:
            await asyncio.sleep(60)

    stack.decoder.hook = hook
    call = stack.open()
    if point == "opened":
        await until(lambda: len(stack.gateway.admission) == 1)
        return call
    await call.write(config())
    if point == "configured":
        await until(lambda: len(stack.decoder.calls) == 1)
        return call
    await call.read()
    if point == "accepted":
        return call
    for _ in range(10):
        await call.write(audio(pattern(3_200)))
    if point == "flushed":
        await call.write(FLUSH)
    if point == "ended":
        await call.write(END)
    kind = hold or "features"
    await until(lambda: bool(stack.decoder.calls) and kind in stack.decoder.calls[0].kinds)
    return call


@pytest.mark.parametrize("point", POINTS)
async def test_a_cancelled_stream_frees_everything(point: str) -> None:
    async with running() as stack:
        call = await reach(stack, point)
        call.cancel()
        await stack.freed()
        assert all(outcome in ("cancelled", "half-closed") for outcome in await stack.decoder.all_over())
        stack.decoder.hook = stack.frontend.hook
        assert (await talk(stack, config(), audio(pattern(320)))).finals == ["320 bytes"]


@pytest.mark.parametrize("point", POINTS)
async def test_a_lost_connection_frees_everything(point: str) -> None:
    async with running() as stack:
        await reach(stack, point)
        await stack.channel.close()
        await stack.freed()


@pytest.mark.parametrize(
    "point", ["opened", "configured", "accepted", "audio", "backlog", "flushed", "ended"]
)
async def test_a_dead_decoder_is_named(point: str) -> None:
    async with running() as stack:
        call = await reach(stack, point)
        await stack.decoder_server.stop(0)
        if point == "opened":
            await call.write(config())
        answer = await finish(call)
        assert isinstance(answer.error, errors.DecoderLostError)
        assert answer.error.retryable
        assert answer.code is grpc.StatusCode.UNAVAILABLE
        await stack.freed()


async def test_the_log_says_what_grpc_said_of_a_lost_service() -> None:
    with capture_logs() as log:
        async with running() as stack:
            await stack.decoder_server.stop(0)
            answer = await talk(stack, config(), audio(pattern(320)))
            assert isinstance(answer.error, errors.DecoderLostError)
            await stack.freed()
    (ended,) = [line for line in log if line["event"] == "stream_ended"]
    assert ended["status"] == "DECODER_LOST"
    assert "Connection refused" in ended["cause"]
    assert "Connection refused" not in answer.error.message


@pytest.mark.parametrize("point", ["opened", "configured", "accepted", "audio"])
async def test_a_dead_frontend_is_named(point: str) -> None:
    async with running() as stack:
        call = await reach(stack, point)
        await stack.frontend_server.stop(0)
        if point == "opened":
            await call.write(config())
        if point == "configured":
            stack.decoder.hook = stack.frontend.hook
            call.cancel()
            call = stack.open()
            await call.write(config())
        answer = await finish(call)
        assert isinstance(answer.error, errors.FrontendLostError)
        assert answer.code is grpc.StatusCode.UNAVAILABLE
        await stack.freed()


@pytest.mark.parametrize("service", ["frontend", "decoder"])
@pytest.mark.parametrize(
    "failure", [ZeroDivisionError("bug"), errors.MalformedAudioError("no audio"), asyncio.CancelledError()]
)
async def test_a_failing_service(service: str, failure: BaseException) -> None:
    lost = {"frontend": errors.FrontendLostError, "decoder": errors.DecoderLostError}[service]
    expected = type(failure) if isinstance(failure, errors.AmiraError) else lost
    async with running() as stack:

        async def fail(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "barrier" or request.WhichOneof("request") == "mark":
                raise failure

        getattr(stack, service).hook = fail
        answer = await talk(stack, config(), audio(pattern(64_000)), mark("m"), audio(pattern(64_000)))
        assert type(answer.error) is expected
        assert answer.kinds[0] == "session"
        await stack.freed()


async def test_results_from_before_a_failure_come_first() -> None:
    async with running() as stack:

        async def fail(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "end":
                raise errors.EncoderLostError("gone")

        stack.decoder.hook = fail
        sent = []
        for count in range(20):
            sent += [audio(pattern(320)), mark(str(count))]
        answer = await talk(stack, config(), *sent)
        assert isinstance(answer.error, errors.EncoderLostError)
        assert [r.mark.id for r in answer.responses if r.HasField("mark")] == [str(n) for n in range(20)]


@pytest.mark.parametrize("service", ["frontend", "decoder"])
async def test_a_service_that_ends_early_with_ok(service: str) -> None:
    lost = {"frontend": errors.FrontendLostError, "decoder": errors.DecoderLostError}[service]
    async with running() as stack:
        scripted = getattr(stack, service)
        run = scripted._run

        async def ends_early(context: Any, step: Any) -> None:
            async def one_more(call: Any, request: Any) -> bool:
                await step(call, request)
                return len(call.requests) == 3

            await run(context, one_more)

        scripted._run = ends_early
        answer = await talk(stack, config(), *(audio(pattern(6_400)) for _ in range(50)), half_close=False)
        assert type(answer.error) is lost
        await stack.freed()


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        ("decoder", "config"),
        ("decoder", "features"),
        ("decoder", "end"),
        ("frontend", "audio"),
        ("frontend", "end"),
    ],
)
async def test_a_service_that_hangs_counts_as_lost(service: str, kind: str) -> None:
    lost = {"frontend": errors.FrontendLostError, "decoder": errors.DecoderLostError}[service]
    # Time to start matters where the start is what hangs; elsewhere a slow one must not be taken for it.
    start_timeout_s = 1 if kind == "config" else 30
    async with running(service_timeout_s=1, start_timeout_s=start_timeout_s, buffer_audio_s=1) as stack:

        async def hang(call: object, request: Any) -> None:
            if request.WhichOneof("request") == kind:
                await asyncio.sleep(60)

        getattr(stack, service).hook = hang
        call = stack.open()
        reading = asyncio.create_task(finish(call))
        await call.write(config())
        # 20 s of audio is more than all the buffers hold.
        for _ in range(1 if kind == "end" else 40):
            if not await call.write(audio(pattern(16_000))):
                break
        else:
            await call.done_writing()
        answer = await reading
        assert type(answer.error) is lost
        await stack.freed()


async def test_a_start_that_nobody_takes_ends_with_the_time_for_it() -> None:
    async with running(replicas=3, start_timeout_s=2) as stack:

        async def hang(call: object, request: Any) -> None:
            await asyncio.sleep(60)

        for service in stack.decoders:
            service.hook = hang
        answer = await talk(stack, config())
        assert type(answer.error) is errors.DecoderLostError
        assert sum(len(service.calls) for service in stack.decoders) == 1
        await stack.freed()


async def test_an_idle_client_is_ended() -> None:
    async with running(idle_timeout_s=0.2) as stack:
        answer = await talk(stack, config(), audio(pattern(320)), half_close=False)
        assert isinstance(answer.error, errors.IdleTimeoutError)
        answer = await talk(stack, half_close=False)  # not even a config
        assert isinstance(answer.error, errors.IdleTimeoutError)
        await stack.freed()


async def test_calls_that_say_nothing_hold_their_places_for_a_moment_only() -> None:
    async with running(first_message_timeout_s=60, max_streams=2) as stack:
        silent = [stack.open() for _ in range(2)]
        await until(lambda: len(stack.gateway.admission) == 2)
        refused = await talk(stack, config(), END)
        assert isinstance(refused.error, errors.NoCapacityError)
        for call in silent:
            call.cancel()
        await stack.freed()
        patient = stack.gateway._settings
        stack.gateway._settings = patient.model_copy(update={"first_message_timeout_s": 0.3})
        for answer in await asyncio.gather(*(talk(stack, half_close=False) for _ in range(2))):
            assert isinstance(answer.error, errors.IdleTimeoutError)
        stack.gateway._settings = patient
        assert (await talk(stack, config(), END)).code is grpc.StatusCode.OK
        await stack.freed()


async def test_keep_alive_keeps_alive_and_waiting_for_the_end_is_not_idle() -> None:
    async with running(idle_timeout_s=2) as stack:

        async def slow(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "end":
                await asyncio.sleep(3)

        stack.decoder.hook = slow
        call = stack.open()
        await call.write(config())
        for _ in range(12):
            await asyncio.sleep(0.2)
            await call.write(KEEP_ALIVE)
        await call.write(audio(pattern(320)))
        await call.write(END)
        assert (await finish(call)).finals == ["320 bytes"]


async def test_a_client_that_does_not_read_is_ended() -> None:
    with capture_logs() as log:
        async with running(client_stall_timeout_s=0.3) as stack:
            call = stack.open()
            await call.write(config())
            writing = asyncio.create_task(flood(call, 1_000_000))
            await until(lambda: any(line["event"] == "stream_ended" for line in log))
            await stack.freed()  # although the client has read nothing at all
            assert not writing.done()  # who does not read is not told, either
            writing.cancel()
            await stack.gateway_server.stop(0.2)
    (ended,) = [line for line in log if line["event"] == "stream_ended"]
    assert ended["status"] == errors.ClientNotReadingError.reason


async def test_a_slow_reader_misses_interims_only() -> None:
    async with running() as stack:
        call = stack.open()
        await call.write(config())
        sound = pattern(20_480)
        for count in range(300):
            await call.write(audio(sound))
            await call.write(mark(f"{count}" + "m" * 100))
            if count % 100 == 99:
                await call.write(FLUSH)
        await call.write(END)
        answer = await finish(call)
        marks = [r.mark.id.rstrip("m") for r in answer.responses if r.HasField("mark")]
        assert marks == [str(count) for count in range(300)]
        assert answer.finals == ["2048000 bytes"] * 3
        assert answer.code is grpc.StatusCode.OK


async def test_a_client_faster_than_the_services_is_slowed_down_not_refused() -> None:
    async with running(buffer_audio_s=1) as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "features":
                await gate.wait()

        stack.decoder.hook = hold
        call = stack.open()
        await call.write(config())
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(100):
                await call.write(audio(pattern(16_000)))
                sent += 1
            await call.done_writing()

        flooding = asyncio.create_task(send())
        await until(lambda: sent > 1)
        await asyncio.sleep(0.5)
        held = sent
        gate.set()
        answer = await finish(call)
        await flooding
        assert answer.finals == ["1600000 bytes"]
        assert held < 50  # 25 s: the rest waited at the client


async def test_a_flood_of_controls_does_not_fill_the_memory() -> None:
    async with running(buffer_audio_s=1) as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: Any) -> None:
            await gate.wait()

        stack.decoder.hook = hold
        call = stack.open()
        await call.write(config())
        writing = asyncio.create_task(flood(call, 2_000))
        (session,) = await sessions(stack)
        await until(lambda: session.intake.weight_s > 0.9)
        await asyncio.sleep(0.2)
        assert session.intake.weight_s <= 1.0
        gate.set()
        reading = await finish(call)
        await writing
        assert reading.kinds.count("mark") == 2_000


async def test_controls_on_their_way_through_the_frontend_do_not_fill_the_memory() -> None:
    async with running(buffer_audio_s=1) as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "mark":
                await gate.wait()

        stack.decoder.hook = hold
        call = stack.open()
        await call.write(config())
        writing = asyncio.create_task(flood(call, 2_500))
        (session,) = await sessions(stack)
        waiting = session._conversation._behind_barriers
        await until(lambda: waiting.weight > 0.9)
        await asyncio.sleep(0.2)
        assert waiting.weight <= 1.0
        gate.set()
        reading = await finish(call)
        await writing
        assert reading.kinds.count("mark") == 2_500


async def sessions(stack: Stack) -> tuple[Any, ...]:
    """The gateway's sessions, once there are any."""
    await until(lambda: bool(stack.gateway.admission._sessions))
    return tuple(stack.gateway.admission._sessions)


async def flood(call: Any, count: int) -> None:
    for _ in range(count):
        if not await call.write(mark("x" * 100)):
            return
    await call.done_writing()


async def test_a_half_close_and_a_cancel_at_once() -> None:
    async with running() as stack:
        for _ in range(20):
            call = stack.open()
            await call.write(config())
            await call.write(audio(pattern(320)))
            await call.done_writing()
            call.cancel()
        await stack.freed()
        assert (await talk(stack, config(), audio(pattern(320)))).finals == ["320 bytes"]


async def test_draining_ends_streams_with_a_reason() -> None:
    async with running() as stack:
        call = await reach(stack, "audio")
        draining = asyncio.create_task(drain(stack.gateway_server, stack.gateway, 0.2))
        answer = await finish(call)
        assert isinstance(answer.error, errors.DrainingError)
        await draining
        await stack.freed()


async def test_draining_lets_a_stream_finish() -> None:
    async with running() as stack:
        call = await reach(stack, "audio")
        draining = asyncio.create_task(drain(stack.gateway_server, stack.gateway, 60))
        await asyncio.sleep(0.05)
        await call.done_writing()
        assert (await finish(call)).finals == ["32000 bytes"]
        await draining


async def test_streams_that_end_anyhow_at_any_time_leave_nothing_behind() -> None:
    async with running(max_streams=200) as stack:
        chance = random.Random(7)

        async def one() -> None:
            call = stack.open()
            reading = asyncio.create_task(finish(call))
            requests = [config(), audio(pattern(20_480)), mark("m"), FLUSH, audio(b"x"), END, KEEP_ALIVE]
            for request in chance.sample(requests[1:], 3) if chance.random() < 0.2 else requests:
                await call.write(request)
                await asyncio.sleep(chance.random() * 0.01)
                if chance.random() < 0.15:
                    call.cancel()
            await call.done_writing()
            await reading

        before = len(asyncio.all_tasks())
        for _ in range(5):
            await asyncio.gather(*(one() for _ in range(20)))
        await stack.freed()
        await until(lambda: len(asyncio.all_tasks()) <= before + 10)  # grpc's own pollers and acceptors
        assert (await talk(stack, config(), audio(pattern(320)))).finals == ["320 bytes"]
