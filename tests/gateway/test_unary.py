"""Recognize and GetCapabilities."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_core.rpc.status import from_rpc_error
from tests.gateway.scripted import Stack, config, pattern, running


def request(content: bytes, **fields: Any) -> speech_pb2.RecognizeRequest:
    return speech_pb2.RecognizeRequest(config=config(**fields).config, audio=content)


async def refusal(stack: Stack, message: speech_pb2.RecognizeRequest) -> errors.AmiraError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stack.stub.Recognize(message)
    return from_rpc_error(failure.value, errors.ServiceUnavailableError)


async def test_a_recording_gives_its_finals() -> None:
    async with running() as stack:
        sound = pattern(320_000)
        answer = await stack.stub.Recognize(request(sound))
        assert [r.alternatives[0].text for r in answer.results] == ["320000 bytes"]
        assert all(r.is_final for r in answer.results)
        assert answer.session.model == "counter"
        assert bytes(stack.decoder.calls[0].audio) == sound
        assert not stack.decoder.calls[0].requests[0].config.interim_results
        await stack.freed()


async def test_an_empty_recording_gives_nothing() -> None:
    async with running() as stack:
        answer = await stack.stub.Recognize(request(b""))
        assert answer.session.session_id
        assert list(answer.results) == []


async def test_a_long_recording_is_refused_by_its_bytes_or_by_what_they_hold() -> None:
    async with running(max_unary_audio_s=1.0) as stack:
        assert (await stack.stub.Recognize(request(bytes(32_000)))).results
        assert isinstance(await refusal(stack, request(bytes(32_002))), errors.AudioTooLongError)
        opened = len(stack.decoder.calls)
        flac = {"encoding": config_pb2.AUDIO_ENCODING_FLAC, "sample_rate_hz": 0}
        assert isinstance(await refusal(stack, request(bytes(40_000), **flac)), errors.AudioTooLongError)
        assert len(stack.decoder.calls) == opened + 1
        await stack.freed()


async def test_bad_requests_are_refused() -> None:
    async with running() as stack:
        assert isinstance(await refusal(stack, speech_pb2.RecognizeRequest()), errors.ConfigMissingError)
        assert isinstance(await refusal(stack, request(b"ab", sample_rate_hz=1)), errors.SampleRateError)
        assert isinstance(await refusal(stack, request(b"abc")), errors.MalformedAudioError)


async def test_a_lost_decoder_is_named() -> None:
    async with running() as stack:
        await stack.decoder_server.stop(0)
        assert isinstance(await refusal(stack, request(bytes(3_200))), errors.DecoderLostError)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stack.stub.GetCapabilities(speech_pb2.GetCapabilitiesRequest())
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_cancelled_call_frees_everything() -> None:
    async with running() as stack:

        async def hang(call: object, request: object) -> None:
            await asyncio.sleep(60)

        stack.decoder.hook = hang
        call = stack.stub.Recognize(request(bytes(3_200)))
        await stack.decoder.opened.wait()
        call.cancel()
        await stack.freed()


async def test_capabilities_are_the_decoders_and_the_gateways() -> None:
    async with running(max_unary_audio_s=12.0, idle_timeout_s=34.0) as stack:
        ask = speech_pb2.GetCapabilitiesRequest()
        answers = await asyncio.gather(*(stack.stub.GetCapabilities(ask) for _ in range(10)))
        assert stack.decoder.described == 1  # cached
        answer = answers[0]
        assert answer.models[0].name == "counter"
        assert answer.decoding_methods == [config_pb2.DECODING_METHOD_BEAM]
        assert set(answer.encodings) == set(config_pb2.AudioEncoding.values()) - {0}
        assert answer.limits.max_unary_audio.seconds == 12
        assert answer.limits.idle_timeout.seconds == 34
        assert answer.limits.max_hotwords == 200
        assert answer.limits.max_message_bytes == 1024 * 1024
        assert answer.server_version


async def test_capabilities_are_asked_for_once_however_many_wait_and_known_when_nobody_answers() -> None:
    async with running() as stack:
        hanging = asyncio.Event()
        asked = 0
        describe = stack.decoder.Describe

        async def slow(request: Any, context: Any) -> Any:
            nonlocal asked
            asked += 1
            await hanging.wait()
            return await describe(request, context)

        capabilities = stack.gateway.capabilities
        stack.services.describe = lambda: slow(None, None)  # type: ignore[method-assign]  # counts and waits
        waiting = [asyncio.create_task(capabilities.get()) for _ in range(10)]
        await asyncio.sleep(0.01)
        waiting.pop().cancel()  # its going does not disturb the others
        hanging.set()
        answers = await asyncio.gather(*waiting)
        assert asked == 1
        assert {answer.models[0].name for answer in answers} == {"counter"}

        async def lost() -> Any:
            raise errors.DecoderLostError("gone")

        stack.services.describe = lost  # type: ignore[method-assign]
        capabilities._answered_at -= 60
        with pytest.raises(errors.DecoderLostError):
            await capabilities.get()
        assert (await capabilities.last_known()).models[0].name == "counter"
