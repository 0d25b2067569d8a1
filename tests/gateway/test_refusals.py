"""What the gateway refuses, with which status and reason: over the wire, before anything is opened."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from tests.gateway.scripted import (
    END,
    FLUSH,
    KEEP_ALIVE,
    Request,
    audio,
    config,
    control,
    finish,
    mark,
    running,
    talk,
)

C = config_pb2


def endpoint(**seconds: float) -> config_pb2.EndpointConfig:
    rules = config_pb2.EndpointConfig()
    for name, value in seconds.items():
        getattr(rules, name).FromNanoseconds(round(value * 1e9))
    return rules


def hotwords(phrase: str = "amira", boost: float = 0.0, default: float = 0.0) -> config_pb2.HotwordSet:
    return config_pb2.HotwordSet(
        phrases=[config_pb2.Hotword(phrase=phrase, boost=boost)], default_boost=default
    )


BAD_CONFIGS = [
    (config(encoding=C.AUDIO_ENCODING_UNSPECIFIED), errors.UnknownEncodingError),
    (config(encoding=99), errors.UnknownEncodingError),
    (config(sample_rate_hz=0), errors.SampleRateError),
    (config(sample_rate_hz=7_999), errors.SampleRateError),
    (config(sample_rate_hz=48_001), errors.SampleRateError),
    (config(sample_rate_hz=-16_000), errors.SampleRateError),
    (config(encoding=C.AUDIO_ENCODING_FLAC, sample_rate_hz=96_000), errors.SampleRateError),
    (config(channels=9), errors.ChannelError),
    (config(channels=-1), errors.ChannelError),
    (config(channel=1), errors.ChannelError),
    (config(channels=2, channel=2), errors.ChannelError),
    (config(channel=-1), errors.ChannelError),
    (config(encoding=C.AUDIO_ENCODING_WAV, channel=8), errors.ChannelError),
    (config(max_alternatives=11), errors.InvalidSettingError),
    (config(max_alternatives=-1), errors.InvalidSettingError),
    (config(decoding_method=77), errors.InvalidSettingError),
    (config(decoding_method=C.DECODING_METHOD_GREEDY, hotwords=hotwords()), errors.InvalidSettingError),
    (config(hotwords=hotwords(boost=20.5)), errors.HotwordError),
    (config(hotwords=hotwords(boost=float("nan"))), errors.HotwordError),
    (config(hotwords=hotwords(default=-1)), errors.HotwordError),
    (config(hotwords=hotwords(default=float("inf"))), errors.HotwordError),
    (config(hotwords=hotwords(phrase=" ")), errors.HotwordError),
    (config(hotwords=C.HotwordSet(phrases=[C.Hotword(phrase="ab")] * 100_000)), errors.HotwordError),
    (config(hotwords=hotwords(phrase="a" * 101)), errors.HotwordError),
    (config(endpoint=C.EndpointConfig(preset=9)), errors.InvalidSettingError),
    (config(endpoint=endpoint(max_segment=0.5)), errors.InvalidSettingError),
    (config(endpoint=endpoint(max_segment=61)), errors.InvalidSettingError),
    (config(endpoint=endpoint(silence_after_speech=0)), errors.InvalidSettingError),
    (config(endpoint=endpoint(silence_without_speech=-1)), errors.InvalidSettingError),
]


@pytest.fixture
async def stack():  # type: ignore[no-untyped-def]  # an async generator fixture's type says nothing
    async with running(max_message_audio_bytes=4096) as stack:
        yield stack


async def test_bad_configs_are_refused_before_anything_is_opened(stack) -> None:  # type: ignore[no-untyped-def]
    for request, expected in BAD_CONFIGS:
        answer = await talk(stack, request)
        assert type(answer.error) is expected, request
        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
        assert answer.error.message
        assert answer.kinds == []
    assert stack.decoder.calls == stack.frontend.calls == []


ORDERS: list[tuple[str, list[Request], type[errors.AmiraError]]] = [
    ("nothing", [], errors.ConfigMissingError),
    ("audio first", [audio(b"ab")], errors.ConfigMissingError),
    ("control first", [KEEP_ALIVE], errors.ConfigMissingError),
    ("empty first", [Request()], errors.ProtocolError),
    ("config twice", [config(), config()], errors.ConfigRepeatedError),
    ("audio after end", [config(), END, audio(b"ab")], errors.AudioAfterEndError),
    ("keep-alive after end", [config(), END, KEEP_ALIVE], errors.AudioAfterEndError),
    ("end twice", [config(), END, END], errors.AudioAfterEndError),
    ("empty", [config(), Request()], errors.ProtocolError),
    ("empty control", [config(), control()], errors.ProtocolError),
    ("half a sample", [config(), audio(b"abc")], errors.MalformedAudioError),
    ("a sample of one channel", [config(channels=2), audio(b"ab")], errors.MalformedAudioError),
    ("gap", [config(), audio(b"ab", 0), audio(b"ab", 2)], errors.AudioOffsetError),
    ("overlap", [config(), audio(b"abcd"), audio(b"ab", 1)], errors.AudioOffsetError),
    ("negative offset", [config(), audio(b"ab", -1)], errors.AudioOffsetError),
    ("large message", [config(), audio(bytes(4098))], errors.MessageTooLargeError),
    ("long mark", [config(), mark("ä" * 65)], errors.InvalidSettingError),
    (
        "bad update",
        [config(), control(update_config=speech_pb2.UpdateConfig(hotwords=hotwords(boost=99)))],
        errors.HotwordError,
    ),
]


@pytest.mark.parametrize(("requests", "expected"), [o[1:] for o in ORDERS], ids=[o[0] for o in ORDERS])
async def test_what_the_protocol_forbids(requests, expected, stack) -> None:  # type: ignore[no-untyped-def]
    # A decoder that is slow at the end, so that what follows END_OF_AUDIO does not come too late.
    async def slow(call: object, request: object) -> None:
        if request.WhichOneof("request") == "end":  # type: ignore[attr-defined]
            await asyncio.sleep(0.2)

    stack.decoder.hook = slow
    answer = await talk(stack, *requests)
    assert type(answer.error) is expected
    assert answer.code is expected.status
    await stack.freed()


async def test_messages_say_what_was_expected(stack) -> None:  # type: ignore[no-untyped-def]
    answer = await talk(stack, config(), audio(bytes(320)), audio(bytes(2), 200))
    assert answer.error is not None
    assert answer.error.message == "audio.offset is 200 but 160 was expected: a gap of 40 samples."
    answer = await talk(stack, config(channels=2), audio(b"abc"))
    assert answer.error is not None
    assert "4 bytes" in answer.error.message


async def test_what_came_before_the_mistake_is_still_told() -> None:
    async with running() as stack:
        call = stack.open()
        await call.write(config())
        await call.write(audio(bytes(3_200)))
        await call.write(FLUSH)
        assert (await call.read()).WhichOneof("response") == "session"
        assert (await call.read()).result.is_final
        await call.write(audio(b"x"))
        assert isinstance((await finish(call)).error, errors.MalformedAudioError)
        await stack.freed()


async def test_a_message_beyond_grpcs_own_limit() -> None:
    async with running() as stack:
        answer = await talk(stack, config(), audio(bytes(5 * 1024 * 1024)))
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        await stack.freed()


async def test_too_many_streams_are_refused_at_once() -> None:
    async with running(max_streams=2) as stack:
        calls = [stack.open() for _ in range(2)]
        for call in calls:
            await call.write(config())
            await call.read()
        answer = await talk(stack)  # refused before it says anything
        assert isinstance(answer.error, errors.NoCapacityError)
        assert answer.error.retry_after_ms == 1000
        assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        unary = stack.stub.Recognize(speech_pb2.RecognizeRequest(config=config().config))
        assert await unary.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        calls[0].cancel()
        await stack.decoder.calls[0].over.wait()
        # The place is free again.
        assert (await talk(stack, config())).code is grpc.StatusCode.OK
        calls[1].cancel()
        await stack.freed()


@pytest.mark.parametrize(
    "error",
    [
        errors.NoCapacityError("all slots are taken", retry_after_ms=2_500),
        errors.UnknownModelError("no such model"),
        errors.HotwordError("too many"),
        errors.EncoderLostError("Triton is gone"),
    ],
    ids=lambda error: error.reason,
)
async def test_the_decoders_refusal_passes_through(error: errors.AmiraError) -> None:
    async with running() as stack:

        async def refuse(call: object, request: object) -> None:
            raise error

        stack.decoder.hook = refuse
        answer = await talk(stack, config(), audio(bytes(3_200)))
        assert type(answer.error) is type(error)
        assert answer.error.message == error.message
        assert answer.error.retry_after_ms == error.retry_after_ms
        assert stack.frontend.calls == []  # no frontend for a stream without a slot
        await stack.freed()
