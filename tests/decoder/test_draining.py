"""SIGTERM: the decoder tells its streams, serves them on for a while, takes no new ones, and goes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import grpc
import pytest

from amira.asr.v1 import config_pb2
from amira.decoder.v1 import decoder_pb2_grpc
from amira_core import errors
from amira_core.rpc.health import is_serving
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.status import from_rpc_error
from tests.conftest import ROOT
from tests.decoder.conftest import Request, Response, finals
from tests.decoder.program import DecoderProgram, decoder_program
from tests.support.features import fbank_of

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
LIMIT_S = 60
"""For what must happen at once: a test never waits for it unless it fails."""

Call = grpc.aio.StreamStreamCall[Request, Response]


async def opened(channel: grpc.aio.Channel) -> Call:
    call: Call = decoder_pb2_grpc.DecoderStub(channel).Decode()
    await call.write(Request(config=config_pb2.RecognitionConfig()))
    assert (await next_of(call)).HasField("accepted")
    return call


async def next_of(call: Call) -> Response:
    response = await asyncio.wait_for(call.read(), LIMIT_S)
    assert isinstance(response, Response)
    return response


async def exit_status(program: DecoderProgram) -> int:
    return await asyncio.to_thread(program.process.wait, LIMIT_S)


async def to_the_end(call: Call) -> list[Response]:
    responses: list[Response] = []
    while isinstance(response := await call.read(), Response):
        responses.append(response)
    return responses


async def failure_of(call: Call) -> errors.AmiraError:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await to_the_end(call)
    return from_rpc_error(failed.value, errors.DecoderLostError)


async def test_streams_are_told_and_served_to_their_ends(model_dir: Path) -> None:
    frames = fbank_of(CLIP)
    with decoder_program(model_dir, DRAIN_TIMEOUT_S="600") as program:
        async with grpc.aio.insecure_channel(program.target, options=CHANNEL_OPTIONS) as channel:
            assert await is_serving(channel)
            calls = [await opened(channel) for _ in range(2)]
            program.process.send_signal(signal.SIGTERM)
            for call in calls:
                assert (await next_of(call)).HasField("draining")
            assert not await is_serving(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await opened(channel)
            refusal = from_rpc_error(refused.value, errors.DecoderLostError)
            assert type(refusal) is errors.DrainingError
            assert refusal.retryable
            for call in calls:
                await call.write(Request(features=frames.tobytes()))
                await call.write(Request(end={}))
                responses = await to_the_end(call)
                assert len(finals(responses)) > 1
                assert not any(response.HasField("draining") for response in responses)
                assert await call.code() is grpc.StatusCode.OK
            assert await exit_status(program) == 0


async def test_streams_that_stay_too_long_learn_why_they_end(model_dir: Path) -> None:
    with decoder_program(model_dir, DRAIN_TIMEOUT_S="0.2") as program:
        async with grpc.aio.insecure_channel(program.target, options=CHANNEL_OPTIONS) as channel:
            call = await opened(channel)
            program.process.send_signal(signal.SIGTERM)
            assert type(await failure_of(call)) is errors.DrainingError
            assert await call.code() is grpc.StatusCode.UNAVAILABLE
            assert await exit_status(program) == 0


async def test_a_stream_that_reads_nothing_does_not_hold_the_decoder_up(model_dir: Path) -> None:
    with decoder_program(model_dir, DRAIN_TIMEOUT_S="0.2") as program:
        async with grpc.aio.insecure_channel(program.target, options=CHANNEL_OPTIONS) as channel:
            call = await opened(channel)
            sending = asyncio.create_task(echo_for_ever(call))
            await asyncio.sleep(0.5)  # until neither side takes any more
            program.process.send_signal(signal.SIGTERM)
            assert await exit_status(program) == 0
            with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError, asyncio.InvalidStateError)):
                await sending


async def echo_for_ever(call: Call) -> None:
    while True:
        await call.write(Request(mark={"id": "x" * 1000}))


async def test_a_second_signal_ends_the_drain_at_once(model_dir: Path) -> None:
    with decoder_program(model_dir, DRAIN_TIMEOUT_S="600") as program:
        async with grpc.aio.insecure_channel(program.target, options=CHANNEL_OPTIONS) as channel:
            call = await opened(channel)
            program.process.send_signal(signal.SIGTERM)
            assert (await next_of(call)).HasField("draining")
            program.process.send_signal(signal.SIGTERM)
            assert await exit_status(program) == -signal.SIGTERM
            assert type(await failure_of(call)) is errors.DecoderLostError


async def test_an_idle_decoder_goes_at_once(model_dir: Path) -> None:
    with decoder_program(model_dir, DRAIN_TIMEOUT_S="600") as program:
        program.process.send_signal(signal.SIGTERM)
        assert await exit_status(program) == 0
