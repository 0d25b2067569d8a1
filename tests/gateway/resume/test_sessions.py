"""Sessions that wait for their client, word by word on the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_gateway.session.resume_token import LIFETIME_S, ResumeTokens
from amira_gateway.session.sent import SentResponses
from tests.gateway.scripted import (
    END,
    FLUSH,
    Request,
    Stack,
    audio,
    config,
    control,
    finish,
    mark,
    pattern,
    running,
    talk,
    until,
)

ABANDON = control(abandon=speech_pb2.Abandon())
Response = speech_pb2.StreamingRecognizeResponse


def resumable(**fields: Any) -> Request:
    request = config(**fields)
    request.resumable = True
    return request


def resume(token: str, last_sequence: int = 0) -> Request:
    return Request(resume=speech_pb2.Resume(token=token, last_sequence=last_sequence))


async def begin(stack: Stack, *requests: Request) -> tuple[DuplexCall[Any, Any], Response]:
    """A resumable stream, and its first response."""
    call = stack.open()
    for request in (resumable(), *requests):
        await call.write(request)
    first = await call.read()
    assert first.session.resume_token
    return call, first


async def lose(stack: Stack, call: DuplexCall[Any, Any]) -> None:
    call.cancel()
    await until(lambda: stack.gateway.sessions.detached == 1)


async def take_up(stack: Stack, token: str, last_sequence: int) -> tuple[DuplexCall[Any, Any], Response]:
    call = stack.open()
    await call.write(resume(token, last_sequence))
    return call, await call.read()


async def refusal(stack: Stack, *requests: Request) -> errors.AmiraError | None:
    return (await talk(stack, *requests)).error


async def test_a_session_goes_on_with_what_was_missed() -> None:
    async with running() as stack:
        call, first = await begin(stack, audio(pattern(6_400)), mark("a"), FLUSH, mark("b"))
        assert first.session.resume_window.ToSeconds() == 30
        heard = [first, *[await call.read() for _ in range(3)]]
        assert [response.sequence for response in heard] == [1, 2, 3, 4]
        assert heard[-1].received_offset == 3_200
        await lose(stack, call)
        assert len(stack.gateway.admission) == 1  # its place stays taken

        call, answer = await take_up(stack, first.session.resume_token, 2)
        assert answer.session.session_id == first.session.session_id
        assert (answer.session.resume_offset, answer.session.resume_controls) == (3_200, 3)
        assert answer.sequence == 2
        assert [await call.read(), await call.read()] == heard[2:]
        await call.write(audio(pattern(640), 3_200))
        await call.write(END)
        rest = await finish(call)
        assert rest.finals == ["640 bytes"]
        assert [response.sequence for response in rest.responses] == [5]
        assert len(stack.decoder.calls) == len(stack.frontend.calls) == 1
        await stack.freed()


async def test_a_session_goes_on_while_nobody_listens_and_keeps_all_but_old_interims() -> None:
    async with running() as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: Any) -> None:
            if request.WhichOneof("request") == "features":
                await gate.wait()

        stack.decoder.hook = hold
        call, first = await begin(stack)
        for count in range(10):
            await call.write(audio(pattern(5_120)))
            await call.write(mark(str(count)))
        await call.write(END)
        await until(lambda: bool(stack.frontend.calls) and "end" in stack.frontend.calls[0].kinds)
        await lose(stack, call)
        gate.set()
        await until(lambda: stack.decoder.calls[0].over.is_set())
        call, _ = await take_up(stack, first.session.resume_token, 1)
        answer = await finish(call)
        assert [r.mark.id for r in answer.responses if r.HasField("mark")] == [str(n) for n in range(10)]
        assert answer.finals == ["51200 bytes"]
        assert answer.code is grpc.StatusCode.OK
        await stack.freed()


async def test_audio_that_was_not_taken_is_asked_for_again() -> None:
    async with running(buffer_audio_s=1) as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: Any) -> None:
            await gate.wait()

        stack.frontend.hook = hold
        call = stack.open()
        await call.write(resumable())
        sending = asyncio.create_task(flood(call))
        await asyncio.sleep(0.3)
        await until(lambda: len(stack.decoder.calls) == 1)
        first = await call.read()
        call.cancel()
        await sending
        await until(lambda: stack.gateway.sessions.detached == 1)
        gate.set()
        call, answer = await take_up(stack, first.session.resume_token, 1)
        offset = answer.session.resume_offset
        sound = pattern(640_000)
        await call.write(audio(sound[offset * 2 :], offset))
        await call.write(END)
        assert (await finish(call)).finals == ["640000 bytes"]
        assert bytes(stack.decoder.calls[0].audio) == sound
        await stack.freed()


async def flood(call: DuplexCall[Any, Any]) -> None:
    sound = pattern(640_000)
    for start in range(0, len(sound), 6_400):
        try:
            if not await call.write(audio(sound[start : start + 6_400])):
                return
        except asyncio.CancelledError:
            return


async def test_a_second_call_takes_the_session_over() -> None:
    async with running() as stack:
        call, first = await begin(stack, audio(pattern(640)))
        other, answer = await take_up(stack, first.session.resume_token, 1)
        ended = await finish(call)
        assert isinstance(ended.error, errors.SessionTakenOverError)
        assert ended.code is grpc.StatusCode.ABORTED
        third, _ = await take_up(stack, answer.session.resume_token, 1)
        assert isinstance((await finish(other)).error, errors.SessionTakenOverError)
        await third.write(END)
        assert (await finish(third)).finals == ["640 bytes"]
        await stack.freed()


async def test_many_calls_for_one_session_at_once() -> None:
    async with running() as stack:
        call, first = await begin(stack, audio(pattern(640)))
        requests = [resume(first.session.resume_token, 1), END]

        async def one() -> Any:
            return await talk(stack, requests[0], half_close=False)

        others = [asyncio.create_task(one()) for _ in range(10)]
        await until(lambda: sum(other.done() for other in others) == 9)
        assert isinstance((await finish(call)).error, errors.SessionTakenOverError)
        last, _ = await take_up(stack, first.session.resume_token, 1)
        await last.write(END)
        assert (await finish(last)).finals == ["640 bytes"]
        answers = [await other for other in others]
        assert {type(answer.error) for answer in answers} == {errors.SessionTakenOverError}
        await stack.freed()


async def test_a_session_that_nobody_comes_back_to_ends() -> None:
    async with running(resume_window_s=0.2) as stack:
        call, first = await begin(stack)
        call.cancel()
        await stack.freed()
        assert stack.gateway.sessions.detached == 0
        error = await refusal(stack, resume(first.session.resume_token, 1))
        assert isinstance(error, errors.SessionLostError)


async def test_the_idle_timer_stands_still_without_a_call() -> None:
    async with running(idle_timeout_s=1) as stack:
        call, first = await begin(stack)
        await lose(stack, call)
        await asyncio.sleep(2)
        assert stack.gateway.sessions.detached == 1
        call, _ = await take_up(stack, first.session.resume_token, 1)
        await call.write(END)
        assert (await finish(call)).code is grpc.StatusCode.OK


async def test_who_wants_no_more_says_so() -> None:
    async with running() as stack:
        call, _ = await begin(stack, audio(pattern(640)))
        await call.write(ABANDON)
        ended = await finish(call)
        assert type(ended.error) is errors.StreamAbandonedError
        assert ended.finals == []
        await stack.freed()
        answer = await talk(stack, resumable(), audio(pattern(640)), END, ABANDON, half_close=False)
        assert answer.code in (grpc.StatusCode.OK, grpc.StatusCode.ABORTED)  # whichever comes first
        await stack.freed()


@pytest.mark.parametrize("window_s", [0, 30])
async def test_clients_that_did_not_ask_are_not_waited_for(window_s: float) -> None:
    async with running(resume_window_s=window_s) as stack:
        call = stack.open()
        await call.write(config() if window_s else resumable())
        first = await call.read()
        assert not first.session.resume_token
        assert not first.session.HasField("resume_window")
        call.cancel()
        await stack.freed()


async def test_half_closing_a_living_call_is_still_the_end() -> None:
    async with running() as stack:
        answer = await talk(stack, resumable(), audio(pattern(640)))
        assert answer.finals == ["640 bytes"]
        await stack.freed()


async def test_a_full_gateway_lets_its_own_sessions_go_on() -> None:
    async with running(max_streams=1) as stack:
        call, first = await begin(stack)
        await lose(stack, call)
        assert isinstance(await refusal(stack, config()), errors.NoCapacityError)
        call, _ = await take_up(stack, first.session.resume_token, 1)
        await call.write(END)
        assert (await finish(call)).code is grpc.StatusCode.OK
        await stack.freed()


async def test_a_failure_while_nobody_listens_is_told_later() -> None:
    async with running() as stack:
        call, first = await begin(stack)
        await lose(stack, call)
        await stack.decoder_server.stop(0)
        await stack.decoder.all_over()
        call, _ = await take_up(stack, first.session.resume_token, 1)
        assert isinstance((await finish(call)).error, errors.DecoderLostError)
        await stack.freed()


async def test_wrong_tokens() -> None:
    async with running() as stack:
        call, first = await begin(stack)
        token = first.session.resume_token
        changed = ("A" if token[-2] != "A" else "B") + token[-1]
        for wrong in ("", "x", token[:-2] + changed, token[:-1], "é" * 50, "." * 100, token + "x" * 10_000):
            error = await refusal(stack, resume(wrong, 1))
            assert isinstance(error, errors.SessionLostError), wrong
        other = ResumeTokens("another secret").issue(first.session.session_id)
        assert isinstance(await refusal(stack, resume(other, 1)), errors.SessionLostError)
        for sequence in (-1, 2, 2**62):
            error = await refusal(stack, resume(token, sequence))
            assert isinstance(error, errors.SessionLostError)
        # None of them has disturbed the session.
        await call.write(audio(pattern(640)))
        await call.write(END)
        assert (await finish(call)).finals == ["640 bytes"]


async def test_resume_and_its_companions_out_of_place() -> None:
    async with running() as stack:
        assert isinstance(await refusal(stack, resumable(), resume("x")), errors.ProtocolError)
        late = audio(pattern(640))
        late.resumable = True
        assert isinstance(await refusal(stack, config(), late), errors.ProtocolError)
        late = audio(pattern(640))
        late.resume_point.audio_offset = 1
        assert isinstance(await refusal(stack, config(), late), errors.ProtocolError)


@given(token=st.text(max_size=400))
def test_no_text_is_a_token(token: str) -> None:
    with pytest.raises(errors.SessionLostError):
        ResumeTokens("secret").session_id(token)


@given(session_id=st.text("0123456789abcdef", min_size=32, max_size=32), place=st.integers(0, 400))
def test_tokens_hold_until_they_expire_and_only_unchanged(session_id: str, place: int) -> None:
    now = 1_000_000.0
    tokens = ResumeTokens("secret", lambda: now)
    token = tokens.issue(session_id)
    assert tokens.session_id(token) == session_id
    place %= len(token)
    changed = token[:place] + ("x" if token[place] != "x" else "y") + token[place + 1 :]
    with pytest.raises(errors.SessionLostError):
        tokens.session_id(changed)
    now += LIFETIME_S
    with pytest.raises(errors.SessionLostError):
        tokens.session_id(token)


@given(sizes=st.lists(st.integers(0, 60), max_size=40), after=st.integers(-2, 45))
def test_sent_responses_are_kept_up_to_a_bound(sizes: list[int], after: int) -> None:
    sent = SentResponses(most_bytes=200)
    for size in sizes:
        sent.append(Response(mark=speech_pb2.Mark(id="m" * size)))
    try:
        missed = [response.sequence for response in sent.after(after)]
    except errors.SessionLostError:
        assert not 0 <= after <= len(sizes) or sum(sizes[after:]) > 100
    else:
        assert missed == list(range(after + 1, len(sizes) + 1))
