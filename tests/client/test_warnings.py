"""What users of the client see of a stream's ends by time, at a real gateway."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from amira_client import (
    AmiraClient,
    AudioEncoding,
    RecognitionConfig,
    ServerError,
    StreamingRecognizeResponse,
    StreamWarning,
)
from tests.gateway.scripted import Stack, pattern, running

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)


def client_of(stack: Stack) -> AmiraClient:
    return AmiraClient(f"127.0.0.1:{stack.port}")


def texts_of(responses: list[StreamingRecognizeResponse]) -> list[str]:
    return [response.result.alternatives[0].text for response in responses if response.HasField("result")]


async def test_a_warned_client_keeps_its_stream() -> None:
    async with running(idle_timeout_s=6) as stack, client_of(stack) as client, client.stream(PCM) as stream:
        texts = []
        async for response in stream:
            if response.HasField("warning"):
                assert response.warning.kind == StreamWarning.KIND_IDLE
                assert response.warning.time_left.ToMilliseconds() > 0
                await stream.keep_alive()
                await stream.send(pattern(320))
                await stream.end()
            elif response.HasField("result"):
                texts.append(response.result.alternatives[0].text)
        assert texts == ["320 bytes"]


async def test_a_stream_that_is_too_long_goes_on_in_a_new_one_without_loss() -> None:
    sound = pattern(320 * 200)
    async with running(max_stream_s=2.5, warning_lead_s=1) as stack, client_of(stack) as client:
        responses: list[StreamingRecognizeResponse] = []
        async with client.stream(PCM) as stream:

            async def send() -> None:
                for start in range(0, len(sound), 320):
                    await stream.send(sound[start : start + 320])
                    await asyncio.sleep(0.03)

            async def read() -> None:
                async for response in stream:
                    responses.append(response)

            sending = asyncio.create_task(send())
            with pytest.raises(ServerError) as ended:
                await read()
            with pytest.raises(ServerError):
                await sending
        assert ended.value.reason == "STREAM_TOO_LONG"
        assert ended.value.status is grpc.StatusCode.ABORTED
        assert [response.warning.kind for response in responses if response.HasField("warning")] == [
            StreamWarning.KIND_MAX_STREAM
        ]
        received = responses[-1].received_offset * 2
        assert texts_of(responses) == [f"{received} bytes"]
        assert 0 < received < len(sound)
        responses.clear()
        async with client.stream(PCM) as stream:
            await stream.send(sound[received:])
            await stream.end()
            await read()
        assert b"".join(bytes(call.audio) for call in stack.decoder.calls) == sound
        assert texts_of(responses) == [f"{len(sound) - received} bytes"]
