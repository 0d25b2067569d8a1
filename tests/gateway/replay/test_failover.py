"""A service that dies, hangs, stops or ends in mid-stream: the client gets what it would have got anyhow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core import errors
from amira_gateway.replay.link import MOST_FRUITLESS_REPLAYS
from tests.gateway.scripted import (
    FLUSH,
    KEEP_ALIVE,
    Answer,
    Call,
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

Failure = Callable[[Stack, str, Call], Awaitable[None]]


async def _raise_lost(stack: Stack, service: str, call: Call) -> None:
    raise errors.EncoderLostError("gone")


async def _raise_a_bug(stack: Stack, service: str, call: Call) -> None:
    raise ZeroDivisionError("bug")


async def _cut(stack: Stack, service: str, call: Call) -> None:
    raise asyncio.CancelledError


async def _hang(stack: Stack, service: str, call: Call) -> None:
    await asyncio.sleep(60)


async def _drain(stack: Stack, service: str, call: Call) -> None:
    messages = {
        "frontend": frontend_pb2.ExtractResponse(draining=frontend_pb2.Draining()),
        "decoder": decoder_pb2.DecodeResponse(draining=decoder_pb2.Draining()),
    }
    await call.context.write(messages[service])


FAILURES: dict[str, Failure] = {
    "lost": _raise_lost,
    "bug": _raise_a_bug,
    "cut": _cut,
    "hang": _hang,
    "drain": _drain,
}


def fail_at(stack: Stack, service: str, at: list[tuple[int, str]]) -> list[str]:
    """The service fails at the n-th of all the messages that come to its replicas; returns what happened."""
    happened: list[str] = []
    seen = 0

    async def hook(call: Call, request: Any) -> None:
        nonlocal seen
        seen += 1
        if at and seen >= at[0][0] and len(call.requests) > 2:  # not in the handshake, tested elsewhere
            _, name = at.pop(0)
            happened.append(name)
            await FAILURES[name](stack, service, call)

    for scripted in getattr(stack, f"{service}s"):
        scripted.hook = hook
    return happened


def said(answer: Answer) -> list[tuple[object, ...]]:
    """Everything that a client relies on; interims depend on how messages were cut."""
    heard: list[tuple[object, ...]] = []
    for response in answer.responses:
        kind = response.WhichOneof("response")
        if kind == "mark":
            heard.append(("mark", response.mark.id))
        elif kind == "result" and response.result.is_final:
            result = response.result
            heard.append(("final", result.segment_id, result.alternatives[0].text))
    return heard


def check_interims(answer: Answer) -> None:
    """They never go back."""
    results = [r.result for r in answer.responses if r.WhichOneof("response") == "result"]
    places = [(r.segment_id, r.is_final, r.audio_processed.ToMilliseconds()) for r in results]
    assert all(earlier < later for earlier, later in pairwise(places))


TALK = [
    config(),
    *(audio(pattern(6_400)) for _ in range(30)),
    mark("a"),
    FLUSH,
    *(audio(pattern(3_200)) for _ in range(10)),
    mark("b"),
    mark("c"),
    FLUSH,
    audio(pattern(64_000)),
    control(update_config=speech_pb2.UpdateConfig(interim_results=False)),
    audio(pattern(64_000)),
]


@pytest.mark.parametrize("service", ["frontend", "decoder"])
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("message", [3, 12, 34, 40])
async def test_the_client_does_not_notice(service: str, failure: str, message: int) -> None:
    # Only where a service hangs is it to be taken for one that does.
    service_timeout_s = 0.5 if failure == "hang" else 30
    async with running(replicas=2, service_timeout_s=service_timeout_s, buffer_audio_s=1) as stack:
        undisturbed = await talk(stack, *TALK)
        happened = fail_at(stack, service, [(message, failure)])
        answer = await talk(stack, *TALK)
        assert happened == [failure]
        assert answer.code is grpc.StatusCode.OK, answer.details
        assert said(answer) == said(undisturbed)
        check_interims(answer)
        await stack.freed()


@pytest.mark.parametrize("service", ["frontend", "decoder"])
async def test_a_service_that_ends_early_with_ok(service: str) -> None:
    async with running(replicas=2) as stack:
        undisturbed = await talk(stack, *TALK)
        for scripted in getattr(stack, f"{service}s")[:1]:
            run = scripted._run

            async def ends_early(context: Any, step: Any, run: Any = run) -> None:
                async def one_more(call: Any, request: Any) -> bool:
                    await step(call, request)
                    return len(call.requests) == 5

                await run(context, one_more)

            scripted._run = ends_early
        for _ in range(2):  # one of them begins there
            answer = await talk(stack, *TALK)
            assert said(answer) == said(undisturbed)


@pytest.mark.parametrize("service", ["frontend", "decoder"])
async def test_a_stopped_server_and_one_that_comes_back(service: str) -> None:
    """With a single replica there is nowhere else to go: the stream waits for it."""
    async with running(replicas=1, recovery_timeout_s=60) as stack:
        undisturbed = await talk(stack, *TALK)
        call = stack.open()
        reading = asyncio.create_task(finish(call))
        for request in TALK[:20]:
            await call.write(request)
        scripted = getattr(stack, service)
        await until(lambda: len(scripted.calls) == 2 and len(scripted.calls[1].requests) > 5)
        failing = fail_at(stack, service, [(1, "cut"), (1, "lost"), (1, "cut")])
        for request in TALK[20:]:
            await call.write(request)
        await call.done_writing()
        answer = await reading
        assert failing == ["cut", "lost", "cut"]
        assert said(answer) == said(undisturbed)


async def test_a_decoder_that_is_long_away_is_no_loss_of_the_frontend() -> None:
    back = asyncio.Event()
    async with running(replicas=1, recovery_timeout_s=30, service_timeout_s=0.8) as stack:

        async def away(call: Call, request: Any) -> None:
            if not back.is_set() and (call is not stack.decoder.calls[0] or len(call.requests) > 3):
                raise errors.EncoderLostError("gone")

        stack.decoder.hook = away
        requests = [config(), *(audio(pattern(6_400)) for _ in range(40))]
        talking = asyncio.create_task(talk(stack, *requests))
        await until(lambda: len(stack.decoder.calls) > 1)
        await asyncio.sleep(2.4)  # three times what a silent service is waited for
        back.set()
        answer = await talking
        assert answer.finals == ["256000 bytes"]
        assert len(stack.frontend.calls) == 1


async def test_what_fails_everywhere_is_not_tried_for_ever() -> None:
    async with running(replicas=2, recovery_timeout_s=30) as stack:

        async def poison(call: Call, request: Any) -> None:
            if request.WhichOneof("request") == "mark":
                raise ZeroDivisionError("bug")

        for decoder in stack.decoders:
            decoder.hook = poison
        call = stack.open()
        for request in (config(), audio(pattern(64_000))):
            await call.write(request)
        heard_ms = 0
        while heard_ms < 3 * 640:  # all that there is to hear: what comes later is nothing new
            response = await call.read()
            assert response is not None
            heard_ms = response.result.audio_processed.ToMilliseconds()
        await call.write(mark("poison"))
        answer = await finish(call)
        assert isinstance(answer.error, errors.DecoderLostError)
        assert sum(len(decoder.calls) for decoder in stack.decoders) == 1 + MOST_FRUITLESS_REPLAYS
        await stack.freed()


async def test_bad_audio_is_not_taken_elsewhere() -> None:
    async with running(replicas=2) as stack:

        async def refuse(call: Call, request: Any) -> None:
            if request.WhichOneof("request") == "audio":
                raise errors.MalformedAudioError("no audio")

        for frontend in stack.frontends:
            frontend.hook = refuse
        answer = await talk(stack, config(), audio(pattern(64_000)))
        assert isinstance(answer.error, errors.MalformedAudioError)
        assert sum(len(frontend.calls) for frontend in stack.frontends) == 1


async def test_a_draining_replica_serves_on_while_no_other_takes_the_stream() -> None:
    async with running(replicas=2) as stack:
        full = True

        async def hook(call: Call, request: Any) -> None:
            if request.WhichOneof("request") == "config" and full and len(called()) > 1:
                raise errors.NoCapacityError("full")
            if len(call.requests) == 3 and len(called()) == 1:
                await call.context.write(decoder_pb2.DecodeResponse(draining=decoder_pb2.Draining()))

        def called() -> list[Call]:
            return [call for decoder in stack.decoders for call in decoder.calls]

        for decoder in stack.decoders:
            decoder.hook = hook
        call = stack.open()
        reading = asyncio.create_task(finish(call))
        await call.write(config())
        for _ in range(5):
            await call.write(audio(pattern(6_400)))
        await until(lambda: len(called()) >= 3)  # refused at least once
        full = False
        (draining,) = [call for call in called() if "features" in call.kinds]
        await until(draining.over.is_set)  # given up for one that took the stream
        for _ in range(5):
            await call.write(audio(pattern(6_400)))
        await call.done_writing()
        answer = await reading
        assert answer.finals == ["64000 bytes"]
        assert draining.outcome == "cancelled"
        await stack.freed()


async def test_compressed_audio_is_replayed_from_its_header_and_only_up_to_a_limit() -> None:
    flac = config(encoding=config_pb2.AUDIO_ENCODING_FLAC, sample_rate_hz=0)
    requests = [flac, *(audio(pattern(6_400)) for _ in range(20))]
    async with running(replicas=2) as stack:
        happened = fail_at(stack, "frontend", [(7, "lost")])
        assert (await talk(stack, *requests)).finals == ["128000 bytes"]
        assert happened
    async with running(replicas=2, replay_compressed_bytes=10_000) as stack:
        fail_at(stack, "frontend", [(7, "lost")])
        answer = await talk(stack, *requests)
        assert isinstance(answer.error, errors.EncoderLostError)


async def test_a_stream_with_more_to_replay_than_may_be_kept_ends() -> None:
    async with running(replicas=2, replay_audio_s=1) as stack:
        fail_at(stack, "decoder", [(15, "lost")])
        answer = await talk(stack, config(), *(audio(pattern(6_400)) for _ in range(20)))
        assert isinstance(answer.error, errors.EncoderLostError)
        await stack.freed()


@pytest.mark.parametrize("service", ["frontend", "decoder"])
async def test_a_client_that_leaves_during_the_search_leaves_nothing_behind(service: str) -> None:
    async with running(replicas=2, recovery_timeout_s=30) as stack:
        for _ in getattr(stack, f"{service}_servers"):
            call = stack.open()
            await call.write(config())
            await call.read()
        for server in getattr(stack, f"{service}_servers"):
            await server.stop(0)
        await asyncio.sleep(0.2)
        await stack.channel.close()
        await stack.freed()


Pieces = st.lists(
    st.one_of(
        st.integers(1, 60).map(lambda frames: audio(pattern(frames * 320))),
        st.just(FLUSH),
        st.sampled_from("abc").map(mark),
        st.just(KEEP_ALIVE),
        st.booleans().map(lambda on: control(update_config=speech_pb2.UpdateConfig(interim_results=on))),
    ),
    min_size=1,
    max_size=40,
)
Faults = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(["lost", "cut", "bug", "drain"])), max_size=4
).map(sorted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces=Pieces, frontend_faults=Faults, decoder_faults=Faults)
def test_whatever_is_said_and_whatever_fails(
    pieces: list[Request], frontend_faults: list[Any], decoder_faults: list[Any]
) -> None:
    async def run() -> None:
        async with running(replicas=2) as stack:
            undisturbed = await talk(stack, config(), *pieces)
            fail_at(stack, "frontend", list(frontend_faults))
            fail_at(stack, "decoder", list(decoder_faults))
            answer = await talk(stack, config(), *pieces)
            assert answer.code is grpc.StatusCode.OK, answer.details
            assert said(answer) == said(undisturbed)
            check_interims(answer)
            await stack.freed()

    asyncio.run(run())
