"""The stream's life cycle: order, offsets, misuse, errors, time-outs, cancellation."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_client import (
    AmiraClient,
    AmiraClientError,
    AudioEncoding,
    EndpointConfig,
    HotwordSet,
    RecognitionConfig,
    ServerError,
    StreamingRecognizeResponse,
    StreamStateError,
    UnreachableError,
)
from amira_core import errors
from amira_core.rpc.options import MAX_MESSAGE_BYTES
from amira_local.ports import free_ports
from tests.support.speech_server import Requests, Responses, ScriptedSpeech, count_bytes, result, session

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)
STEREO = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000, channels=2)
FLAC = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_FLAC)


def kinds(responses: list[StreamingRecognizeResponse]) -> list[str | None]:
    return [response.WhichOneof("response") for response in responses]


async def test_a_stream_from_config_to_last_final(server: ScriptedSpeech, client: AmiraClient) -> None:
    async with client.stream(PCM) as stream:
        assert stream.session is None
        await stream.send(b"\0" * 3200)
        await stream.mark("here")
        await stream.flush()
        await stream.send(b"\0" * 640)
        await stream.end()
        assert stream.ended
        responses = [response async for response in stream]
        assert stream.session is not None
        assert stream.session.session_id == "s-1"
    assert kinds(responses) == ["session", "result", "mark", "result", "result", "result"]
    assert [r.result.alternatives[0].text for r in responses if r.result.is_final] == [
        "3200 bytes",
        "3840 bytes",
    ]
    assert server.requests[0].config == PCM
    assert [r.audio.offset for r in server.requests if r.HasField("audio")] == [0, 1600]


@pytest.mark.parametrize(("config", "unit"), [(PCM, 2), (STEREO, 4), (FLAC, 1)])
async def test_offsets_count_samples_per_channel_or_bytes(
    server: ScriptedSpeech, client: AmiraClient, config: RecognitionConfig, unit: int
) -> None:
    sizes = [4, 400, 0, 1200]
    async with client.stream(config) as stream:
        for size in sizes:
            await stream.send(b"\1" * size)
        await stream.end()
        async for _ in stream:
            pass
    offsets = [r.audio.offset for r in server.requests if r.HasField("audio")]
    assert offsets == [0, 4 // unit, 404 // unit]


async def test_large_pieces_are_split_at_samples(server: ScriptedSpeech, client: AmiraClient) -> None:
    three = RecognitionConfig(
        encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000, channels=3
    )
    audio = bytes(range(250)) * 6 * 2000
    async with client.stream(three) as stream:
        await stream.send(audio)
        await stream.end()
        async for _ in stream:
            pass
    assert server.audio == audio
    pieces = [r.audio.content for r in server.requests if r.HasField("audio")]
    assert len(pieces) > 1
    assert all(len(piece) % 6 == 0 and len(piece) < MAX_MESSAGE_BYTES for piece in pieces)


async def test_update_config_carries_only_what_is_named(server: ScriptedSpeech, client: AmiraClient) -> None:
    async with client.stream(PCM) as stream:
        await stream.update_config(interim_results=False)
        await stream.update_config(hotwords=HotwordSet())
        await stream.update_config(endpoint=EndpointConfig(preset=2))  # type: ignore[arg-type]  # by number
        await stream.keep_alive()
        await stream.end()
        async for _ in stream:
            pass
    updates = [r.control for r in server.requests if r.HasField("control")]
    assert [u.update_config.HasField("hotwords") for u in updates[:3]] == [False, True, False]
    assert [u.update_config.HasField("interim_results") for u in updates[:3]] == [True, False, False]
    assert updates[3].HasField("keep_alive")


async def test_misuse_raises_at_once(client: AmiraClient) -> None:
    stream = client.stream(PCM)
    with pytest.raises(ValueError, match="whole number"):
        await stream.send(b"\0\0\0")
    with pytest.raises(ValueError, match="128 bytes"):
        await stream.mark("ä" * 65)
    with pytest.raises(ValueError, match="nothing to update"):
        await stream.update_config()
    await stream.end()
    for misuse in (stream.send(b"\0\0"), stream.flush(), stream.mark("x"), stream.keep_alive(), stream.end()):
        with pytest.raises(StreamStateError, match=r"end\(\) was called"):
            await misuse
    await stream.aclose()
    await stream.aclose()
    with pytest.raises(StreamStateError, match="closed"):
        await stream.send(b"\0\0")
    with pytest.raises(StreamStateError, match="closed"):
        await anext(stream)


async def test_a_refusal_carries_status_reason_and_delay(server: ScriptedSpeech, client: AmiraClient) -> None:
    async def refuse(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        yield result("before", final=True)
        raise errors.NoCapacityError("All 4 slots are taken.", retry_after_ms=1500)

    server.script = refuse
    async with client.stream(PCM) as stream:
        assert kinds([await anext(stream), await anext(stream)]) == ["session", "result"]
        with pytest.raises(ServerError) as caught:
            await anext(stream)
        for again in (anext(stream), stream.send(b"\0\0"), stream.end()):
            with pytest.raises(ServerError, match="slots"):
                await again
    assert caught.value.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.reason == "NO_CAPACITY"
    assert caught.value.retry_after_s == 1.5
    assert str(caught.value) == "All 4 slots are taken. [RESOURCE_EXHAUSTED NO_CAPACITY]"


async def test_an_error_wakes_a_waiting_sender(server: ScriptedSpeech, client: AmiraClient) -> None:
    release = asyncio.Event()

    async def stall(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        await release.wait()
        raise errors.InvalidSettingError("No.")

    server.script = stall
    async with client.stream(PCM) as stream:

        async def send_for_ever() -> None:
            while True:
                await stream.send(b"\0" * 400_000)

        sending = asyncio.create_task(send_for_ever())
        await anext(stream)
        await asyncio.sleep(0.2)
        assert not sending.done()  # back-pressure: the server takes nothing
        release.set()
        with pytest.raises(ServerError, match="No"):
            await sending


async def test_the_server_may_end_first(server: ScriptedSpeech, client: AmiraClient) -> None:
    async def bye(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()

    server.script = bye
    async with client.stream(PCM) as stream:
        assert kinds([response async for response in stream]) == ["session"]
        assert [response async for response in stream] == []
        with pytest.raises(StreamStateError, match="server has ended"):
            await stream.send(b"\0\0")


async def test_an_unreachable_server_is_named() -> None:
    (port,) = free_ports(1)
    async with AmiraClient(f"127.0.0.1:{port}") as client:
        with pytest.raises(UnreachableError, match=str(port)) as caught:
            await client.capabilities()
        assert caught.value.status is grpc.StatusCode.UNAVAILABLE
        async with client.stream(PCM) as stream:
            with pytest.raises(UnreachableError):
                await anext(stream)


async def test_reads_may_time_out_without_harm(server: ScriptedSpeech, client: AmiraClient) -> None:
    async with client.stream(PCM) as stream:
        await anext(stream)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.02)
        await stream.send(b"\0" * 320)
        await stream.end()
        assert kinds([response async for response in stream]) == ["result", "result"]


async def test_sends_may_be_cancelled_without_harm(server: ScriptedSpeech, client: AmiraClient) -> None:
    release = asyncio.Event()

    async def slow(server: ScriptedSpeech, requests: Requests) -> Responses:
        await release.wait()
        async for response in count_bytes(server, requests):
            yield response

    server.script = slow
    async with client.stream(PCM) as stream:

        async def send_for_ever() -> None:
            while True:
                await stream.send(b"\0" * 400_000)

        sending = asyncio.create_task(send_for_ever())
        await asyncio.sleep(0.2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        release.set()
        await stream.end()
        async for _ in stream:
            pass
    pieces = [r.audio for r in server.requests if r.HasField("audio")]
    expected = 0
    for piece in pieces:  # no gap and no overlap, whatever was cancelled
        assert piece.offset == expected
        expected += len(piece.content) // 2


async def test_closing_wakes_a_waiting_reader(client: AmiraClient) -> None:
    stream = client.stream(PCM)
    await anext(stream)
    reading = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    await stream.aclose()
    assert await asyncio.wait_for(reading, 60) is None


async def test_leaving_early_cancels_the_call(server: ScriptedSpeech, client: AmiraClient) -> None:
    cancelled = asyncio.Event()

    async def watch(server: ScriptedSpeech, requests: Requests) -> Responses:
        try:
            async for response in count_bytes(server, requests):
                yield response
        finally:
            cancelled.set()

    server.script = watch
    async with client.stream(PCM) as stream:
        await anext(stream)
    await asyncio.wait_for(cancelled.wait(), 60)


async def test_a_call_cancelled_by_the_server_is_an_error_not_a_cancellation(
    server: ScriptedSpeech, client: AmiraClient
) -> None:
    class GoneError(errors.AmiraError):
        status = grpc.StatusCode.CANCELLED
        reason = "GONE"

    async def cancel(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        raise GoneError("gone")

    server.script = cancel
    async with client.stream(PCM) as stream:
        await anext(stream)
        with pytest.raises(ServerError) as caught:
            await anext(stream)
    assert caught.value.status is grpc.StatusCode.CANCELLED


async def test_many_senders_make_one_ordered_stream(server: ScriptedSpeech, client: AmiraClient) -> None:
    async with client.stream(PCM) as stream:
        await asyncio.gather(*(stream.send(bytes([number]) * 2000) for number in range(60)))
        await stream.end()
        async for _ in stream:
            pass
    audio = [r.audio for r in server.requests if r.HasField("audio")]
    assert [piece.offset for piece in audio] == [1000 * number for number in range(60)]
    assert sorted(piece.content[0] for piece in audio) == list(range(60))


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 3000), max_size=30))
async def test_all_bytes_arrive_whatever_the_pieces(sizes: list[int]) -> None:
    async with ScriptedSpeech() as server, AmiraClient(server.target) as client:
        async with client.stream(FLAC) as stream:
            for number, size in enumerate(sizes):
                await stream.send(bytes([number]) * size)
            await stream.end()
            finals = [r.result.alternatives[0].text async for r in stream if r.result.is_final]
        assert finals == [f"{sum(sizes)} bytes"]
        assert server.audio == b"".join(bytes([number]) * size for number, size in enumerate(sizes))


async def test_metadata_goes_with_every_stream(server: ScriptedSpeech) -> None:
    metadata = [("authorization", "Bearer x")]
    async with AmiraClient(server.target, metadata=metadata) as client, client.stream(PCM) as stream:
        await anext(stream)
    assert server.metadata["authorization"] == "Bearer x"


async def test_the_status_survives_a_write_under_way(server: ScriptedSpeech, client: AmiraClient) -> None:
    """grpc.aio calls such a moment "Internal error from Core" and hides the server's status."""

    async def refuse(server: ScriptedSpeech, requests: Requests) -> Responses:
        yield session()
        async for request in requests:
            if request.HasField("audio"):
                raise errors.NoCapacityError("Full.")

    async def reason_of_refusal() -> str:
        async with client.stream(PCM) as stream:
            try:
                while True:
                    await stream.send(b"\0" * 100_000)
            except ServerError as error:
                return error.reason

    server.script = refuse
    assert {await reason_of_refusal() for _ in range(40)} == {"NO_CAPACITY"}


class Garbage(grpc.GenericRpcHandler):
    """Answers every call with bytes that are no response."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def answer(requests: object, context: grpc.aio.ServicerContext) -> None:
            await context.write(b"\xff\xff\xff")

        return grpc.stream_stream_rpc_method_handler(answer)


async def test_a_response_that_cannot_be_read_is_an_error_and_no_silence() -> None:
    server = grpc.aio.server(handlers=[Garbage()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with AmiraClient(f"127.0.0.1:{port}") as client, client.stream(PCM) as stream:
            async with asyncio.timeout(10):
                with pytest.raises(AmiraClientError):
                    await anext(stream)
                with pytest.raises(AmiraClientError):
                    await stream.send(b"\0" * 3200)
    finally:
        await server.stop(0)
