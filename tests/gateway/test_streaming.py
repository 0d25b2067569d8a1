"""A stream that goes well: everything arrives once, in order, and is told as the protocol says."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from tests.gateway.scripted import (
    END,
    FLUSH,
    KEEP_ALIVE,
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


async def test_session_then_results_then_ok() -> None:
    async with running() as stack:
        sound = pattern(64_000)  # 2 s
        answer = await talk(stack, config(), *(audio(sound[at : at + 640]) for at in range(0, 64_000, 640)))
        assert answer.code is grpc.StatusCode.OK
        assert answer.kinds[0] == "session"
        assert answer.kinds.count("session") == 1
        assert answer.finals == ["64000 bytes"]
        assert bytes(stack.decoder.calls[0].audio) == sound
        assert await stack.frontend.all_over() == ["done"]
        assert await stack.decoder.all_over() == ["done"]


async def test_the_session_names_the_model_and_itself() -> None:
    async with running() as stack:
        first = (await talk(stack, config())).responses[0].session
        second = (await talk(stack, config())).responses[0].session
        assert (first.model, first.model_version) == ("counter", "7")
        assert first.chunk_duration.ToMilliseconds() == 640
        assert first.look_ahead.ToMilliseconds() == 350
        assert len(first.session_id) == 32
        assert first.session_id != second.session_id


@pytest.mark.parametrize("last", [[END], []], ids=["end_of_audio", "half_close"])
async def test_both_ends_give_the_last_final(last: list[speech_pb2.StreamingRecognizeRequest]) -> None:
    async with running() as stack:
        answer = await talk(stack, config(), audio(pattern(3_200)), *last)
        assert answer.finals == ["3200 bytes"]
        assert answer.code is grpc.StatusCode.OK


async def test_end_of_audio_ends_the_stream_although_the_call_stays_open() -> None:
    async with running() as stack:
        answer = await talk(stack, config(), audio(pattern(3_200)), END, half_close=False)
        assert answer.finals == ["3200 bytes"]
        assert answer.code is grpc.StatusCode.OK


@pytest.mark.parametrize("controls", [[], [mark("m"), FLUSH]], ids=["nothing", "controls"])
async def test_without_audio_there_is_only_the_session(
    controls: list[speech_pb2.StreamingRecognizeRequest],
) -> None:
    async with running() as stack:
        answer = await talk(
            stack, config(encoding=config_pb2.AUDIO_ENCODING_FLAC, sample_rate_hz=0), *controls
        )
        assert answer.code is grpc.StatusCode.OK
        assert answer.kinds == ["session"] + ["mark"] * bool(controls)
        assert "end" not in stack.frontend.calls[0].kinds  # a FLAC decoder without a header would complain
        assert await stack.decoder.all_over() == ["done"]


async def test_controls_keep_their_place_among_the_audio() -> None:
    async with running() as stack:
        update = control(update_config=speech_pb2.UpdateConfig(interim_results=False))
        answer = await talk(
            stack,
            config(),
            audio(pattern(640)),
            mark("a"),
            audio(pattern(320)),
            FLUSH,
            update,
            audio(pattern(960)),
        )
        assert stack.decoder.calls[0].kinds == [
            "config", "features", "mark", "features", "flush", "update_config", "features", "end",
        ]  # fmt: skip
        assert answer.finals == ["960 bytes", "960 bytes"]
        assert answer.kinds == ["session", "mark", "result", "result"]


async def test_keep_alive_goes_no_further() -> None:
    async with running() as stack:
        await talk(stack, config(), KEEP_ALIVE, audio(b""), KEEP_ALIVE)
        assert stack.frontend.calls[0].kinds == [
            "format",
            "barrier",
            "barrier",
        ]  # the first one opens the stream


async def test_waiting_messages_travel_together() -> None:
    async with running(buffer_audio_s=60) as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: object) -> None:
            await gate.wait()

        stack.decoder.hook = hold  # nothing goes to the frontend before the decoder has accepted
        call = stack.open()
        sound = pattern(320 * 1000)  # 10 s in 10 ms messages
        await call.write(config())
        for at in range(0, len(sound), 320):
            await call.write(audio(sound[at : at + 320]))
        await call.done_writing()
        await until(lambda: len(stack.gateway.admission) == 1)
        (session,) = stack.gateway.admission._sessions
        await until(lambda: session.intake.weight_s > 9.5)  # all but what the first ones travel with
        gate.set()
        answer = await finish(call)
        assert answer.finals == [f"{len(sound)} bytes"]
        sent = [len(r.audio) for r in stack.frontend.calls[0].requests if r.WhichOneof("request") == "audio"]
        assert bytes(stack.frontend.calls[0].audio) == sound
        assert max(sent) <= 6_400  # 200 ms
        assert len(sent) < 200


async def test_a_large_message_is_cut_into_whole_samples() -> None:
    async with running() as stack:
        # 3 channels of float32: a sample of all channels has 12 bytes, 200 ms at 8 kHz 19200.
        stereo = config(
            encoding=config_pb2.AUDIO_ENCODING_FLOAT32, sample_rate_hz=8_000, channels=3, channel=2
        )
        sound = pattern(1024 * 1024 // 12 * 12)
        answer = await talk(stack, stereo, audio(sound))
        assert answer.code is grpc.StatusCode.OK
        assert bytes(stack.frontend.calls[0].audio) == sound
        sizes = [len(r.audio) for r in stack.frontend.calls[0].requests if r.WhichOneof("request") == "audio"]
        assert max(sizes) <= 19_200
        assert all(size % 12 == 0 for size in sizes)


async def test_the_frontend_is_told_the_format() -> None:
    async with running() as stack:
        await talk(stack, config(encoding=config_pb2.AUDIO_ENCODING_MULAW, sample_rate_hz=8_000, channel=0))
        sent = stack.frontend.calls[0].requests[0].format
        assert (sent.encoding, sent.sample_rate_hz, sent.channels, sent.channel) == (
            config_pb2.AUDIO_ENCODING_MULAW, 8_000, 1, 0,
        )  # fmt: skip


async def test_compressed_audio_may_be_cut_anywhere() -> None:
    async with running() as stack:
        sound = pattern(999)
        flac = config(encoding=config_pb2.AUDIO_ENCODING_FLAC, sample_rate_hz=0)
        answer = await talk(stack, flac, *(audio(sound[at : at + 1], offset=at) for at in range(999)))
        assert answer.code is grpc.StatusCode.OK
        assert bytes(stack.frontend.calls[0].audio) == sound


async def test_offsets_that_fit_are_taken() -> None:
    async with running() as stack:
        answer = await talk(
            stack, config(channels=2), audio(bytes(400), 0), audio(bytes(400)), audio(bytes(8), 200)
        )
        assert answer.code is grpc.StatusCode.OK


async def test_lag_is_on_every_response_and_latency_on_results() -> None:
    async with running() as stack:
        answer = await talk(stack, config(), audio(pattern(64_000)), mark("m"), FLUSH)
        assert all(response.HasField("lag") for response in answer.responses)
        assert all(response.lag.audio.ToNanoseconds() >= 0 for response in answer.responses)
        for response in answer.responses:
            has = response.lag.HasField("server_latency")
            assert has == (response.WhichOneof("response") == "result")
        assert answer.responses[-1].lag.audio.ToNanoseconds() == 0  # all of it is decoded


async def test_lag_shows_what_is_not_decoded_yet() -> None:
    async with running() as stack:
        gate = asyncio.Event()

        async def hold(call: object, request: decoder_pb2.DecodeRequest) -> None:
            if request.WhichOneof("request") == "mark":
                await gate.wait()

        stack.decoder.hook = hold
        call = stack.open()
        await call.write(config())
        await call.read()
        await call.write(audio(pattern(32_000)))
        await call.write(mark("m"))
        await call.write(audio(pattern(48_000)))
        await until(lambda: bool(stack.frontend.calls) and len(stack.frontend.calls[0].audio) == 80_000)
        gate.set()
        while (response := await call.read()).WhichOneof("response") != "mark":
            pass
        assert response.lag.audio.ToMilliseconds() == 1_500
        await call.done_writing()
        assert (await finish(call)).code is grpc.StatusCode.OK


async def test_streams_do_not_mix() -> None:
    async with running() as stack:
        sizes = [3_200 * count for count in range(1, 17)]
        answers = await asyncio.gather(
            *(talk(stack, config(), *(audio(pattern(320)) for _ in range(size // 320))) for size in sizes)
        )
        assert [answer.finals for answer in answers] == [[f"{size} bytes"] for size in sizes]
