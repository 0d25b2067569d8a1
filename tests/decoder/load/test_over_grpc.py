"""A real decoder refuses what it cannot keep up with, and takes what goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from amira.asr.v1 import config_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_core.rpc.status import from_rpc_error
from amira_decoder.load import admission
from amira_decoder.settings import DecoderSettings
from tests.decoder.conftest import DecoderServer, Request, serving

SILENCE = b"\x00" * (4 * 80 * 200)
CONFIG = Request(config=config_pb2.RecognitionConfig())
GOES_ON = Request(config=config_pb2.RecognitionConfig(), resume=decoder_pb2.ResumePoint())


def begun(server: DecoderServer) -> Any:
    """A new call."""
    return cast(Any, server.stub).Decode()  # generated for sync calls


async def opened(server: DecoderServer, opening: Request = CONFIG) -> Any:
    """A stream that was taken."""
    call = begun(server)
    await call.write(opening)
    assert (await call.read()).HasField("accepted")
    return call


async def refusal(server: DecoderServer) -> errors.AmiraError:
    """Of a stream that was not."""
    call = begun(server)
    await call.write(CONFIG)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    return from_rpc_error(failure.value, errors.DecoderLostError)


async def test_overload_is_refused_and_what_goes_on_is_not(model_dir: Path) -> None:
    settings = DecoderSettings(
        model_dir=model_dir, encoder="in_process", in_process_slots=3, target_load=1e-6, search="greedy"
    )
    async with serving(settings) as server:
        first = await opened(server)
        await first.write(Request(features=SILENCE))
        await first.write(Request(flush={}))
        await first.write(Request(mark={"id": "decoded"}))
        while not (await first.read()).HasField("mark"):
            pass
        error = await refusal(server)
        assert isinstance(error, errors.NoCapacityError)
        assert "keep up" in error.message
        assert error.retry_after_ms is not None
        assert server.decoder.load > 0
        others = [await opened(server, GOES_ON) for _ in range(2)]
        full = begun(server)  # as long as there are slots
        await full.write(GOES_ON)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await full.read()
        assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for call in (first, *others):
            await call.write(Request(end={}))
            await call.done_writing()
            while await call.read() is not grpc.aio.EOF:
                pass
            assert await call.code() is grpc.StatusCode.OK  # nobody was disturbed
        assert server.decoder.load == 0


async def test_more_at_once_than_are_tried_out(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_SETTLE_S", 600.0)  # however long the streams take to open
    settings = DecoderSettings(
        model_dir=model_dir,
        encoder="in_process",
        in_process_slots=8,
        target_load=1.0,
        untried_streams=2,
        search="greedy",
    )
    async with serving(settings) as server:
        calls = [await opened(server) for _ in range(2)]
        error = await refusal(server)
        assert isinstance(error, errors.NoCapacityError)
        assert "shortly" in error.message
        for call in calls:
            call.cancel()
