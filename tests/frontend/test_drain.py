"""SIGTERM: the real process says so to everybody, serves on, and ends when the last stream has."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core import errors
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.status import from_rpc_error
from tests.frontend import audio
from tests.frontend.program import Program, running

Request = frontend_pb2.ExtractRequest
END = Request(end=frontend_pb2.EndOfAudio())
LINEAR16 = Request(format=audio.audio_format(audio.LINEAR16, 16_000))


@pytest.fixture
async def program(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Program]:
    """Its settings by indirect parametrization; patient, so that only streams end a drain."""
    settings = {"drain_timeout_s": "600", **getattr(request, "param", {})}
    with running(tmp_path / "log", **settings) as program:
        yield program


@pytest.fixture
async def channel(program: Program) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(program.target, options=CHANNEL_OPTIONS) as channel:
        yield channel


async def open_stream(channel: grpc.aio.Channel) -> Any:
    """A stream that the server is known to serve: it then waits for the next message."""
    stream = frontend_pb2_grpc.FrontendStub(channel).Extract()
    await stream.write(LINEAR16)
    await stream.write(Request(barrier=1))
    assert (await stream.read()).barrier == 1
    return stream


async def kinds_of(stream: Any) -> list[str]:
    """What comes, up to the end."""
    kinds = []
    while (response := await stream.read()) is not grpc.aio.EOF:
        kinds.append(response.WhichOneof("response"))
    return kinds


async def error_of(stream: Any) -> errors.AmiraError:
    try:
        while await stream.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error, errors.FrontendLostError)
    pytest.fail("the stream ended with OK")


def terminate(program: Program) -> None:
    program.process.send_signal(signal.SIGTERM)


async def exit_status(program: Program) -> int:
    return await asyncio.to_thread(program.process.wait, 120)


async def test_streams_are_told_and_served_on(program: Program, channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service="amira.frontend.v1.Frontend"))
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    silent, speaking, unformatted = [await open_stream(channel) for _ in range(3)]
    await speaking.write(Request(audio=bytes(3200)))
    assert len((await speaking.read()).features.frames) == 9 * 320
    terminate(program)
    for stream in (silent, speaking, unformatted):
        assert (await stream.read()).WhichOneof("response") == "draining"
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    refused = frontend_pb2_grpc.FrontendStub(channel).Extract()
    assert type(await error_of(refused)) is errors.DrainingError
    await speaking.write(Request(audio=bytes(3200)))
    assert (await speaking.read()).features.first_frame == 9
    unformatted.cancel()
    for stream in (speaking, silent):
        assert program.process.poll() is None
        await stream.write(END)
        kinds = await kinds_of(stream)
        assert kinds[-1] == "summary"
        assert await stream.code() is grpc.StatusCode.OK
    assert await exit_status(program) == 0


@pytest.mark.parametrize("program", [{"drain_timeout_s": "0.3"}], indirect=True)
async def test_streams_that_go_on_for_too_long_end(program: Program, channel: grpc.aio.Channel) -> None:
    waiting, writing = [await open_stream(channel) for _ in range(2)]
    # Its features, 1.3 MB, do not fit into what grpc buffers, so the handler hangs in a write.
    await writing.write(Request(audio=bytes(1_300_000)))
    await asyncio.sleep(0.2)
    terminate(program)
    error = await error_of(waiting)
    assert type(error) is errors.DrainingError
    assert error.retryable
    assert await exit_status(program) == 0
    assert type(await error_of(writing)) in (errors.DrainingError, errors.FrontendLostError)


async def test_a_process_without_streams_ends_at_once(program: Program, channel: grpc.aio.Channel) -> None:
    stream = await open_stream(channel)
    await stream.write(END)
    assert (await stream.read()).WhichOneof("response") == "summary"
    assert await stream.read() is grpc.aio.EOF
    terminate(program)
    assert await exit_status(program) == 0


async def test_a_second_signal_ends_it_at_once(program: Program, channel: grpc.aio.Channel) -> None:
    stream = await open_stream(channel)
    terminate(program)
    assert (await stream.read()).WhichOneof("response") == "draining"
    terminate(program)
    assert await exit_status(program) == -signal.SIGTERM
    assert type(await error_of(stream)) is errors.FrontendLostError


async def test_notices_do_not_get_into_the_way_of_features(
    program: Program, channel: grpc.aio.Channel
) -> None:
    """Busy streams: the notice is written between their messages, never beside one."""
    streams = [await open_stream(channel) for _ in range(20)]

    async def speak(stream: Any) -> None:
        for _ in range(300):
            await stream.write(Request(audio=bytes(3200)))
        await stream.write(END)

    speaking = [asyncio.create_task(speak(stream)) for stream in streams]
    listening = [asyncio.create_task(kinds_of(stream)) for stream in streams]
    await asyncio.sleep(0.1)
    terminate(program)
    for kinds in await asyncio.gather(*listening):
        assert kinds.count("draining") <= 1
        assert kinds.count("features") >= 300
        assert kinds[-1] == "summary"
    await asyncio.gather(*speaking)
    assert await exit_status(program) == 0
    assert not program.events("unexpected_error")
