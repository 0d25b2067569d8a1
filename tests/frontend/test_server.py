"""The service over real gRPC."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from amira.frontend.v1 import frontend_pb2
from amira_core import errors
from amira_core.rpc.options import CHANNEL_OPTIONS, MAX_MESSAGE_BYTES
from amira_core.rpc.server import RpcServer
from amira_core.rpc.status import from_rpc_error
from amira_frontend.pipeline import FeatureStream
from amira_frontend.settings import FrontendSettings
from fuzz.containers import opus_bomb
from tests.frontend import audio
from tests.frontend.fbank.reference import TOLERANCE, kaldi_features

Request = frontend_pb2.ExtractRequest
END = Request(end=frontend_pb2.EndOfAudio())
LINEAR16 = Request(format=audio.audio_format(audio.LINEAR16, 16_000))
LATE_WAV = frontend_pb2.AudioFormat(encoding=audio.WAV, first_sample=16_000)


async def call(frontend: Any, requests: list[frontend_pb2.ExtractRequest]) -> list[Any]:
    """All responses to `requests`, followed by a half-close."""
    stream = frontend.Extract()

    async def send() -> None:
        for request in requests:
            await stream.write(request)
        await stream.done_writing()

    sending = asyncio.create_task(send())
    try:
        responses = [response async for response in stream]
        return [getattr(response, response.WhichOneof("response")) for response in responses]
    finally:
        await asyncio.gather(sending, return_exceptions=True)


async def failure(frontend: Any, requests: list[frontend_pb2.ExtractRequest]) -> errors.AmiraError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(frontend, requests)
    return from_rpc_error(caught.value, errors.FrontendLostError)


def frames_of(responses: list[Any]) -> audio.Float32s:
    """Joins all features; checks that they follow one another."""
    features = [item for item in responses if isinstance(item, frontend_pb2.Features)]
    parts = [np.frombuffer(item.frames, np.float32).reshape(-1, 80) for item in features]
    first = list(itertools.accumulate((len(part) for part in parts), initial=0))
    assert [item.first_frame for item in features] == first[:-1]
    received = [item.received_samples for item in features]
    assert received == sorted(received)
    return np.concatenate([np.empty((0, 80), np.float32), *parts])


@pytest.mark.parametrize("message_bytes", [317, 3200, 2_000_000])
async def test_message_sizes_do_not_matter(frontend: Any, message_bytes: int) -> None:
    sound = audio.voice_like(50_000)
    data = audio.pcm16(sound)
    pieces = audio.split(data, range(message_bytes, len(data), message_bytes))
    responses = await call(frontend, [LINEAR16, *(Request(audio=piece) for piece in pieces), END])
    np.testing.assert_allclose(frames_of(responses), kaldi_features(sound[:, 0]), rtol=0, atol=TOLERANCE)
    assert responses[-1] == frontend_pb2.ExtractSummary(frames=313, samples=50_000)


@pytest.mark.parametrize("encoding", [audio.FLAC, audio.OGG_OPUS, audio.WAV])
async def test_files_in_random_pieces(frontend: Any, encoding: int) -> None:
    container = {audio.FLAC: "FLAC", audio.OGG_OPUS: "OGG", audio.WAV: "WAV"}[encoding]
    subtype = "OPUS" if encoding == audio.OGG_OPUS else "PCM_16"
    data = audio.encode(audio.voice_like(48_000, rate=48_000), 48_000, container, subtype)
    chosen = random.Random(encoding)
    pieces = audio.split(data, [chosen.randrange(len(data)) for _ in range(20)])
    audio_format = audio.audio_format(encoding)
    requests = [Request(format=audio_format), *(Request(audio=piece) for piece in pieces), END]
    whole = FeatureStream(audio_format)
    expected = np.concatenate([whole.accept(data), whole.finish()])
    np.testing.assert_array_equal(frames_of(await call(frontend, requests)), expected)


async def test_barriers_come_back_in_their_place(frontend: Any) -> None:
    second = Request(audio=bytes(32_000))
    requests = [
        LINEAR16,
        Request(barrier=7),
        second,
        Request(barrier=2**63),
        Request(barrier=0),
        second,
        Request(barrier=5),
        END,
    ]
    kinds = [
        item if isinstance(item, int) else type(item).__name__ for item in await call(frontend, requests)
    ]
    assert kinds == [7, "Features", 2**63, 0, "Features", 5, "Features", "ExtractSummary"]


async def test_a_barrier_is_answered_while_the_stream_goes_on(frontend: Any) -> None:
    stream = frontend.Extract()
    await stream.write(LINEAR16)
    await stream.write(Request(audio=bytes(3200)))
    await stream.write(Request(barrier=1))
    features, barrier = await stream.read(), await stream.read()
    assert len(features.features.frames) == 9 * 320  # frame 9 needs 20 ms more
    assert features.features.received_samples == 1600
    assert barrier.barrier == 1
    await stream.write(END)
    last = [await stream.read() for _ in range(3)]
    assert [part.WhichOneof("response") for part in last[:2]] == ["features", "summary"]
    assert last[2] is grpc.aio.EOF


async def test_a_stream_that_another_frontend_began(frontend: Any) -> None:
    audio_format = audio.audio_format(audio.LINEAR16, 16_000)
    audio_format.first_sample = 3 * 16_000
    first, last, summary = await call(
        frontend, [Request(format=audio_format), Request(audio=bytes(3200)), END]
    )
    assert (first.first_frame, last.first_frame) == (300, 309)
    assert first.received_samples == last.received_samples == 49_600
    assert summary == frontend_pb2.ExtractSummary(frames=310, samples=49_600)


async def test_half_close_without_end_flushes_nothing(frontend: Any) -> None:
    responses = await call(frontend, [LINEAR16, Request(audio=bytes(3200))])
    assert len(frames_of(responses)) == 9
    assert all(isinstance(item, frontend_pb2.Features) for item in responses)
    assert await call(frontend, []) == []


async def test_an_empty_stream(frontend: Any) -> None:
    assert await call(frontend, [LINEAR16, END]) == [frontend_pb2.ExtractSummary()]


@pytest.mark.parametrize(
    ("requests", "error"),
    [
        ([Request(audio=b"ab")], errors.ConfigMissingError),
        ([END], errors.ConfigMissingError),
        ([Request(barrier=1)], errors.ConfigMissingError),
        ([Request()], errors.ConfigMissingError),
        ([LINEAR16, LINEAR16], errors.ConfigRepeatedError),
        ([LINEAR16, Request()], errors.ProtocolError),
        ([Request(format=audio.audio_format(0, 16_000))], errors.UnknownEncodingError),
        ([Request(format=audio.audio_format(audio.LINEAR16, 1))], errors.SampleRateError),
        ([Request(format=audio.audio_format(audio.LINEAR16, 16_000, 2, 2))], errors.ChannelError),
        ([LINEAR16, Request(audio=b"abc"), END], errors.MalformedAudioError),
        ([Request(format=LATE_WAV)], errors.InvalidSettingError),
        (
            [Request(format=audio.audio_format(audio.FLAC)), Request(audio=b"OggS")],
            errors.MalformedAudioError,
        ),
    ],
)
async def test_violations(
    frontend: Any, requests: list[frontend_pb2.ExtractRequest], error: type[errors.AmiraError]
) -> None:
    raised = await failure(frontend, requests)
    assert type(raised) is error
    assert raised.message


async def test_largest_message_and_one_byte_more(frontend: Any) -> None:
    envelope = 5  # field number and length
    fits = Request(audio=bytes(MAX_MESSAGE_BYTES - envelope - 1))
    responses = await call(frontend, [LINEAR16, fits, END])
    assert responses[-1].samples == len(fits.audio) // 2
    assert len(frames_of(responses)) == responses[-1].frames
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(frontend, [LINEAR16, Request(audio=bytes(MAX_MESSAGE_BYTES))])
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_full_server_refuses_at_once_and_recovers(frontend: Any, settings: FrontendSettings) -> None:
    streams = []
    for _ in range(settings.max_streams):
        stream = frontend.Extract()
        await stream.write(LINEAR16)
        await stream.write(Request(barrier=1))
        assert (await stream.read()).barrier == 1
        streams.append(stream)
    refused = await failure(frontend, [])
    assert type(refused) is errors.NoCapacityError
    assert refused.retryable
    streams.pop().cancel()
    await streams.pop().done_writing()
    await _until_accepted(frontend)
    for stream in streams:
        stream.cancel()


async def _until_accepted(frontend: Any) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                assert await call(frontend, [LINEAR16, END])
                return
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
            await asyncio.sleep(0.01)


async def test_cancelled_in_the_middle_of_work(frontend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(10):
        stream = frontend.Extract()
        await stream.write(LINEAR16)
        await stream.write(Request(audio=bytes(4_000_000)))
        stream.cancel()
    await _until_accepted(frontend)
    output = capsys.readouterr()
    assert "unexpected_error" not in output.out + output.err
    # The fixture checks that no stream is left.


@pytest.mark.parametrize("settings", [FrontendSettings(listen="127.0.0.1:0", time_slice_ms=0.1)])
async def test_a_small_stream_is_served_within_a_large_message(frontend: Any) -> None:
    """It must come through while the other stream's two minutes of audio are worked on."""
    finished: list[str] = []

    async def run(name: str, request: frontend_pb2.ExtractRequest) -> None:
        await call(frontend, [LINEAR16, request, END])
        finished.append(name)

    large = [asyncio.create_task(run("large", Request(audio=bytes(4_000_000)))) for _ in range(3)]
    await asyncio.sleep(0)
    await run("small", Request(audio=bytes(3200)))
    await asyncio.gather(*large)
    assert finished[0] == "small"


async def test_a_stream_is_served_while_bombs_go_off(frontend: Any) -> None:
    """An hour of audio in 100 kB: it waits for its reader, and others do not wait for it."""
    bomb = frontend.Extract()
    await bomb.write(Request(format=audio.audio_format(audio.OGG_OPUS)))
    await bomb.write(Request(audio=opus_bomb(120).data))
    first = await bomb.read()
    assert len(first.features.frames) < 2 * 1000 * 320
    for _ in range(20):
        sound = audio.voice_like(1600)
        responses = await call(frontend, [LINEAR16, Request(audio=audio.pcm16(sound)), END])
        assert len(frames_of(responses)) == 10
    bomb.cancel()


async def test_streams_do_not_mix(frontend: Any) -> None:
    sounds = [audio.voice_like(8000 + 100 * index) for index in range(4)]

    async def run(sound: audio.Float32s) -> audio.Float32s:
        data = audio.pcm16(sound)
        pieces = [Request(audio=piece) for piece in audio.split(data, range(500, len(data), 500))]
        return frames_of(await call(frontend, [LINEAR16, *pieces, END]))

    for sound, frames in zip(sounds, await asyncio.gather(*map(run, sounds)), strict=True):
        np.testing.assert_allclose(frames, kaldi_features(sound[:, 0]), rtol=0, atol=TOLERANCE)


async def test_reflection_lists_the_service(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = [answer async for answer in stub.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in answers[0].list_services_response.service}
    assert {"amira.frontend.v1.Frontend", "grpc.health.v1.Health"} <= names


async def test_not_serving_until_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real entry point, with the warm-up held until its health was seen."""
    from amira_frontend import __main__ as entry
    from amira_frontend import service

    ports: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    warm = asyncio.Event()
    start, warm_up = RpcServer.start, service.warm_up

    async def start_and_tell(self: RpcServer) -> int:
        port = await start(self)
        ports.put_nowait(port)
        return port

    def held_warm_up() -> None:
        asyncio.run_coroutine_threadsafe(warm.wait(), loop).result()
        warm_up()

    monkeypatch.setattr(RpcServer, "start", start_and_tell)
    monkeypatch.setattr(service, "warm_up", held_warm_up)
    serving = asyncio.create_task(entry.serve(FrontendSettings(listen="127.0.0.1:0")))
    async with grpc.aio.insecure_channel(
        f"127.0.0.1:{await ports.get()}", options=CHANNEL_OPTIONS
    ) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service="amira.frontend.v1.Frontend")
        )
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        warm.set()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def _environment(**extra: str) -> dict[str, str]:
    return {**os.environ, **extra}


def test_the_program_stops_on_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "amira_frontend"],
            env=_environment(AMIRA_FRONTEND_LISTEN="127.0.0.1:0"),
            stderr=output,
        )
    try:
        while "listening" not in log.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        while "ready" not in log.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "setting", [{"AMIRA_FRONTEND_MAX_STREAMS": "0"}, {"AMIRA_FRONTEND_LISTEN": "256.0.0.1:1"}]
)
def test_the_program_refuses_settings_that_cannot_be(setting: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "amira_frontend"],
        env=_environment(**setting),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "cannot_start" in done.stderr
