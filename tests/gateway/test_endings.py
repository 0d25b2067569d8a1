"""Streams that end by time: silent clients, and streams that are open for too long. Both are warned."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from amira.asr.v1 import speech_pb2
from amira_core import errors
from tests.gateway.scripted import (
    END,
    KEEP_ALIVE,
    Answer,
    Request,
    Stack,
    audio,
    config,
    finish,
    pattern,
    running,
    talk,
    until,
)

IDLE = speech_pb2.StreamWarning.KIND_IDLE
MAX_STREAM = speech_pb2.StreamWarning.KIND_MAX_STREAM


def warnings(answer: Answer) -> list[speech_pb2.StreamWarning]:
    return [response.warning for response in answer.responses if response.HasField("warning")]


async def chatter(call: Any, message: Request, every_s: float) -> int:
    """Sends until the call is over; returns how many were sent."""
    sent = 0
    while await call.write(message):
        sent += 1
        await asyncio.sleep(every_s)
    return sent


async def test_a_silent_client_is_warned_and_then_ended() -> None:
    async with running(idle_timeout_s=1.2, warning_lead_s=0.8) as stack:
        answer = await talk(stack, config(), audio(pattern(320)), half_close=False)
        assert isinstance(answer.error, errors.IdleTimeoutError)
        (warning,) = warnings(answer)
        assert warning.kind == IDLE
        assert 0 < warning.time_left.ToMilliseconds() <= 800
        await stack.freed()


async def test_each_silence_is_warned_of_once() -> None:
    async with running(idle_timeout_s=2, warning_lead_s=100) as stack:  # at most half of the time
        call = stack.open()
        await call.write(config())
        await call.read()
        for _ in range(2):
            assert (await call.read()).warning.kind == IDLE
            await call.write(KEEP_ALIVE)
        await call.done_writing()
        answer = await finish(call)
        assert answer.code is grpc.StatusCode.OK
        assert warnings(answer) == []


async def test_no_warnings_where_none_are_wanted() -> None:
    async with running(idle_timeout_s=0.3, max_stream_s=0.2, warning_lead_s=0) as stack:
        answer = await talk(stack, config(), audio(pattern(320)), half_close=False)
        assert isinstance(answer.error, errors.StreamTooLongError)
        assert warnings(answer) == []


async def test_a_stream_ends_at_its_longest_with_all_that_came() -> None:
    async with running(max_stream_s=1.2, warning_lead_s=0.8) as stack:
        call = stack.open()
        reading = asyncio.create_task(finish(call))
        await call.write(config())
        sending = asyncio.create_task(chatter(call, audio(pattern(3_200)), 0.05))
        answer = await reading
        await sending
        assert isinstance(answer.error, errors.StreamTooLongError)
        assert answer.code is grpc.StatusCode.ABORTED
        assert not answer.error.retryable
        (warning,) = warnings(answer)
        assert warning.kind == MAX_STREAM
        assert 0 < warning.time_left.ToMilliseconds() <= 800
        # What is said to have arrived was decoded, to the byte, and nothing beyond it.
        (final,) = answer.finals
        received = answer.responses[-1].received_offset * 2
        assert final == f"{received} bytes"
        assert bytes(stack.decoder.calls[0].audio) == pattern(3_200) * (received // 3_200)
        await stack.freed()


async def test_the_end_waits_for_the_message_that_is_being_taken() -> None:
    async with running(max_stream_s=1, buffer_audio_s=0.5) as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "audio":
                await gate.wait()

        stack.frontend.hook = hold
        call = stack.open()
        reading = asyncio.create_task(finish(call))
        await call.write(config())
        sending = asyncio.create_task(chatter(call, audio(pattern(64_000)), 0.01))  # 2 s: waits for room
        await asyncio.sleep(1.5)
        gate.set()
        answer = await reading
        await sending
        assert isinstance(answer.error, errors.StreamTooLongError)
        assert answer.finals == [f"{answer.responses[-1].received_offset * 2} bytes"]
        assert len(stack.decoder.calls[0].audio) % 64_000 == 0


async def test_a_client_that_has_ended_its_audio_gets_it_all() -> None:
    async with running(max_stream_s=1.5) as stack:

        async def slow(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "end":
                await asyncio.sleep(2)

        stack.decoder.hook = slow
        answer = await talk(stack, config(), audio(pattern(320)), END)
        assert answer.code is grpc.StatusCode.OK
        assert answer.finals == ["320 bytes"]


async def test_without_a_limit_there_is_none_and_capabilities_say_so() -> None:
    ask = speech_pb2.GetCapabilitiesRequest()
    async with running() as stack:
        assert not (await stack.stub.GetCapabilities(ask)).limits.HasField("max_stream")
    async with running(max_stream_s=90) as stack:
        assert (await stack.stub.GetCapabilities(ask)).limits.max_stream.seconds == 90


async def test_a_client_that_goes_away_meanwhile_finds_its_end() -> None:
    """A resumable session that is cut while nobody is there keeps its last final for its client."""
    async with running(max_stream_s=2) as stack:
        call = stack.open()
        opening = config()
        opening.resumable = True
        await call.write(opening)
        session = (await call.read()).session
        await call.write(audio(pattern(3_200)))
        await until(lambda: bool(stack.decoder.calls[0].audio))
        call.cancel()
        await until(lambda: stack.gateway.sessions.detached == 1)
        await stack.decoder.all_over()
        back = stack.open()
        await back.write(Request(resume=speech_pb2.Resume(token=session.resume_token, last_sequence=1)))
        answer = await finish(back)
        assert answer.finals == ["3200 bytes"]
        assert isinstance(answer.error, errors.StreamTooLongError)
        await stack.freed()


@pytest.mark.parametrize("limited", [False, True])
async def test_what_was_heard_last_is_charged_when_the_session_ends(limited: bool) -> None:
    async with running() as stack:
        call = stack.open()
        await call.write(config(encoding=5, sample_rate_hz=0))  # FLAC: only the frontend knows how long it is
        await call.read()
        (session,) = stack.gateway.admission._sessions

        def charge(total_s: float) -> None:
            charged.append(total_s)
            if limited:
                raise errors.TenantLimitError("used up")

        charged: list[float] = []
        session.place.heard = charge  # type: ignore[method-assign]  # what it is told matters here
        session._lag.forwarded(0.0)
        session._lag.extracted(160_000)
        call.cancel()
        await stack.freed()
        assert charged == [10.0]


async def all_refusals(stack: Stack) -> list[Answer]:
    return [await talk(stack, config(), audio(bytes(320))) for _ in range(3)]


async def test_when_all_decoders_refuse_the_client_hears_it_at_once() -> None:
    async with running(replicas=2) as stack:
        causes = [
            errors.NoCapacityError("This one keeps up with no more.", retry_after_ms=1900),
            errors.NoCapacityError("All slots are in use.", retry_after_ms=1200),
        ]
        for decoder, cause in zip(stack.decoders, causes, strict=True):

            async def refuse(call: object, request: object, cause: errors.AmiraError = cause) -> None:
                raise cause

            decoder.hook = refuse
        for answer in await all_refusals(stack):
            assert isinstance(answer.error, errors.NoCapacityError)
            assert answer.error.retry_after_ms == 1200  # the first to have room is enough
            assert answer.kinds == []
        # Each was asked, but not again within the moment in which a refusal is remembered.
        assert all(1 <= len(decoder.calls) <= 3 for decoder in stack.decoders)
        assert all(not frontend.calls for frontend in stack.frontends)
        await stack.freed()
