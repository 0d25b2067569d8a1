"""Connections that break and gateways that go: the library's user gets what they would have got anyhow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amira.asr.v1 import speech_pb2
from amira_client import AmiraClient, Resuming, ServerError, StreamingRecognizeResponse
from amira_gateway.server import drain
from tests.gateway.resume.fleet import FLAC, PCM, Fleet, converse, fleet, said
from tests.gateway.scripted import FLUSH, KEEP_ALIVE, Request, audio, control, mark, pattern, until

TALK = [
    *(audio(pattern(6_400)) for _ in range(20)),
    mark("a"),
    FLUSH,
    *(audio(pattern(3_200)) for _ in range(10)),
    mark("b"),
    mark("b"),
    FLUSH,
    audio(pattern(64_000)),
    control(update_config=speech_pb2.UpdateConfig(interim_results=False)),
    audio(pattern(64_000)),
    KEEP_ALIVE,
    mark("b"),
    FLUSH,
    audio(pattern(32_000)),
]


async def undisturbed(net: Fleet, requests: list[Request], config: Any = PCM) -> list[tuple[object, ...]]:
    async with AmiraClient(f"127.0.0.1:{net.stack.port}", resume=False) as client:
        return said(await converse(client, requests, config))


def check_interims(responses: list[StreamingRecognizeResponse]) -> None:
    """They never go back."""
    places = [
        (r.result.segment_id, r.result.is_final, r.result.audio_processed.ToMilliseconds())
        for r in responses
        if r.HasField("result")
    ]
    assert places == sorted(set(places))


@pytest.mark.parametrize("config", [PCM, FLAC], ids=["pcm", "flac"])
@pytest.mark.parametrize("at", [0, 3, 22, 36, len(TALK) - 1])
async def test_a_connection_that_breaks(at: int, config: Any) -> None:
    """The session waits for its client, which has to go to the same gateway."""
    window_s = 60 if at else 2  # a session whose token was lost lasts for all of it
    async with fleet(gateways=1, resume_window_s=window_s) as net:
        (gateway,) = net.gateways
        begun = asyncio.Event()

        async def cut(number: int) -> None:
            if number == at:
                if at:
                    await begun.wait()
                gateway.proxy.cut()

        async with AmiraClient(net.target) as client:
            responses = await converse(client, TALK, config, cut, begun)
        assert said(responses) == await undisturbed(net, TALK, config)
        check_interims(responses)
        await net.freed()
        assert sum(len(decoder.calls) for decoder in net.stack.decoders) <= 3  # two sessions, each with one


@pytest.mark.parametrize("config", [PCM, FLAC], ids=["pcm", "flac"])
@pytest.mark.parametrize("at", [3, 22, 36, len(TALK) - 1])
async def test_a_gateway_that_is_gone(at: int, config: Any) -> None:
    async with fleet() as net:

        async def kill(number: int) -> None:
            if number == at:
                await until(lambda: len(net.gateways[0].servicer.admission) == 1)
                await net.gateways[0].kill()

        async with AmiraClient([gateway.target for gateway in net.gateways]) as client:
            responses = await converse(client, TALK, config, kill)
        assert said(responses) == await undisturbed(net, TALK, config)
        check_interims(responses)
        await net.freed()


@pytest.mark.parametrize("at", [3, 36])
async def test_a_gateway_that_keeps_no_sessions(at: int) -> None:
    async with fleet(gateways=1, resume_window_s=0) as net:

        async def cut(number: int) -> None:
            if number == at:
                await until(lambda: len(net.gateways[0].servicer.admission) == 1)
                net.gateways[0].proxy.cut()

        async with AmiraClient(net.target) as client:
            responses = await converse(client, TALK, PCM, cut)
        assert said(responses) == await undisturbed(net, TALK)
        await net.freed()


async def test_a_draining_gateway_is_left_before_it_goes() -> None:
    async with fleet() as net:
        first = net.gateways[0]
        draining: list[asyncio.Task[None]] = []

        async def begin_drain(number: int) -> None:
            if number == 12:
                await until(lambda: len(first.servicer.admission) == 1)
                draining.append(asyncio.create_task(drain(first.server, first.servicer, 600)))
                async with asyncio.timeout(60):
                    await draining[0]  # long before the streams that it has would be ended

        async with AmiraClient(net.target) as client:
            responses = await converse(client, TALK, PCM, begin_drain)
        assert said(responses) == await undisturbed(net, TALK)
        await net.freed()


async def test_with_one_address_a_draining_gateway_is_used_until_it_ends() -> None:
    async with fleet(gateways=1) as net:
        (gateway,) = net.gateways

        async def begin_drain(number: int) -> None:
            if number == 12:
                await until(lambda: len(gateway.servicer.admission) == 1)
                await drain(gateway.server, gateway.servicer, 0.3)

        async with AmiraClient(net.target, resume=Resuming(for_s=1)) as client:
            with pytest.raises(ServerError) as caught:
                await converse(client, TALK, PCM, begin_drain)
        assert caught.value.reason == "DRAINING"  # not that of the attempts that followed
        await net.freed()


async def test_senders_wait_while_there_is_no_server_and_nothing_is_left_behind() -> None:
    async with fleet(gateways=1) as net:
        before = len(asyncio.all_tasks())
        async with AmiraClient(net.target) as client:
            stream = client.stream(PCM)
            assert (await anext(stream)).HasField("session")
            await net.gateways[0].kill()

            async def send_for_ever() -> None:
                while True:
                    await stream.send(bytes(3_200))

            sending = asyncio.create_task(send_for_ever())
            await asyncio.sleep(0.3)
            assert not sending.done()
            sending.cancel()
            await stream.aclose()
        await until(lambda: len(asyncio.all_tasks()) <= before + 5)  # grpc's own pollers
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("amira-")]


@pytest.mark.parametrize("ended", [False, True])
async def test_a_stream_that_is_closed_frees_its_session_at_once(ended: bool) -> None:
    async with fleet(gateways=1, resume_window_s=300) as net, AmiraClient(net.target) as client:
        async with client.stream(PCM) as stream:
            await anext(stream)
            await stream.send(bytes(3_200))
            if ended:
                await stream.end()
        await until(lambda: len(net.gateways[0].servicer.admission) == 0)
        await net.freed()


async def test_without_resuming_the_first_loss_is_told() -> None:
    async with fleet(gateways=1) as net, AmiraClient(net.target, resume=False) as client:
        async with client.stream(PCM) as stream:
            await anext(stream)
            net.gateways[0].proxy.cut()
            with pytest.raises(ServerError):
                await anext(stream)
        await net.freed()  # it was not kept, either


Pieces = st.lists(
    st.one_of(
        st.integers(1, 60).map(lambda frames: audio(pattern(frames * 320))),
        st.just(FLUSH),
        st.sampled_from("aab").map(mark),
        st.just(KEEP_ALIVE),
        st.booleans().map(lambda on: control(update_config=speech_pb2.UpdateConfig(interim_results=on))),
    ),
    min_size=1,
    max_size=40,
)
# A connection that breaks in its first bytes is none yet: a server that was never there is not waited for.
Cuts = st.lists(st.tuples(st.sampled_from(["up", "down"]), st.integers(1_000, 60_000)), max_size=4)
Downs = st.lists(st.tuples(st.just("down"), st.integers(300, 1_500)), max_size=2)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces=Pieces, cuts=Cuts, downs=Downs, kill_at=st.none() | st.integers(0, 39), kept=st.booleans())
def test_whatever_is_said_and_wherever_it_is_cut(
    pieces: list[Request], cuts: list[Any], downs: list[Any], kill_at: int | None, kept: bool
) -> None:
    async def run() -> None:
        async with fleet(resume_window_s=30 if kept else 0) as net:
            for gateway, planned in zip(
                net.gateways, (cuts[:2] + downs[:1], cuts[2:] + downs[1:]), strict=True
            ):
                gateway.proxy.cuts = list(planned)

            async def kill(number: int) -> None:
                if number == kill_at:
                    await net.gateways[0].kill()

            async with AmiraClient(net.target) as client:
                responses = await converse(client, pieces, PCM, kill)
            assert said(responses) == await undisturbed(net, pieces)
            check_interims(responses)

    asyncio.run(run())


async def test_new_streams_go_to_whichever_takes_them() -> None:
    async with fleet(max_streams=1) as net:
        async with (
            AmiraClient(net.target) as first,
            AmiraClient(net.target) as second,
            first.stream(PCM) as stream,
        ):
            await anext(stream)
            assert said(await converse(second, TALK, PCM)) == await undisturbed(net, TALK)
        await net.gateways[0].kill()
        async with AmiraClient(net.target) as client:
            assert (await client.capabilities()).encodings
            assert said(await converse(client, TALK, PCM)) == await undisturbed(net, TALK)
            assert said(await converse(client, TALK[:5], PCM))  # at the one that served before
        await net.freed()


async def test_what_all_servers_refuse_is_told_at_once() -> None:
    async with fleet(max_streams=1) as net, AmiraClient(net.target) as client:
        streams = [AmiraClient(gateway.target) for gateway in net.gateways]
        held = [one.stream(PCM) for one in streams]
        for stream in held:
            await anext(stream)
        with pytest.raises(ServerError) as caught:
            await converse(client, TALK, PCM)
        assert caught.value.reason == "NO_CAPACITY"
        for stream, one in zip(held, streams, strict=True):
            await stream.aclose()
            await one.aclose()
        await net.freed()


async def test_audio_that_brings_servers_down_does_not_go_round_for_ever() -> None:
    async with fleet(recovery_timeout_s=0) as net:

        async def poison(call: Any, request: Any) -> None:
            if request.WhichOneof("request") == "flush":
                raise ZeroDivisionError("bug")

        for decoder in net.stack.decoders:
            decoder.hook = poison
        async with AmiraClient(net.target, resume=Resuming(for_s=60)) as client:
            with pytest.raises(ServerError) as caught:
                await converse(client, [audio(pattern(640)), FLUSH], PCM)
        assert caught.value.reason == "DECODER_LOST"
        await net.freed()
