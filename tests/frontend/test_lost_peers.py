"""Gateways that die, cancel or stop reading leave no stream behind."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core import errors
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer
from amira_core.rpc.status import from_rpc_error
from amira_frontend.open_stream import OpenStream
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up
from tests.frontend import audio

Request = frontend_pb2.ExtractRequest
LINEAR16 = Request(format=audio.audio_format(audio.LINEAR16, 16_000))
LARGE = Request(audio=bytes(1_300_000))
"""40 s of audio: its features, 1.3 MB, do not fit into what grpc buffers."""

PEER = textwrap.dedent("""
    import sys, time
    import grpc
    from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc

    def requests(audio_bytes):
        audio_format = frontend_pb2.AudioFormat(encoding=1, sample_rate_hz=16_000)
        yield frontend_pb2.ExtractRequest(format=audio_format)
        yield frontend_pb2.ExtractRequest(audio=bytes(audio_bytes))
        time.sleep(600)

    stub = frontend_pb2_grpc.FrontendStub(grpc.insecure_channel(sys.argv[1]))
    calls = [stub.Extract(requests(size)) for size in (0, 3200, 1_300_000)]
    time.sleep(600)
""")
"""A gateway with three streams, none of which it reads."""


@pytest.fixture
def settings() -> FrontendSettings:
    """Tests may override this one by parametrization."""
    return FrontendSettings(listen="127.0.0.1:0")


class Watched(FrontendServicer):
    """Tells that a stream no longer counts: one may come and go between two looks at how many there are."""

    forgot = False

    def _forget(self, stream: OpenStream) -> None:
        super()._forget(stream)
        self.forgot = True


@pytest.fixture
async def served(settings: FrontendSettings) -> AsyncIterator[tuple[Watched, str]]:
    """The servicer, and where it listens."""
    warm_up()
    server = RpcServer(settings.listen, "amira.frontend.v1.Frontend")
    servicer = Watched(settings)
    frontend_pb2_grpc.add_FrontendServicer_to_server(servicer, server.grpc)
    port = await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the servicer has no event for tests
            await asyncio.sleep(0.01)


async def test_a_killed_gateway(served: tuple[Watched, str], capsys: pytest.CaptureFixture[str]) -> None:
    servicer, target = served
    peer = await asyncio.create_subprocess_exec(sys.executable, "-c", PEER, target)
    try:
        await until(lambda: servicer.streams == 3)
        await asyncio.sleep(0.1)  # the large one is now stuck in a write
    finally:
        peer.kill()
        await peer.wait()
    await until(lambda: servicer.streams == 0)
    output = capsys.readouterr()
    assert "unexpected_error" not in output.out + output.err


@pytest.mark.parametrize("requests", [[], [LINEAR16], [LINEAR16, LARGE]])
async def test_a_gateway_that_cancels(
    served: tuple[Watched, str], requests: list[frontend_pb2.ExtractRequest]
) -> None:
    servicer, target = served
    async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        stream = frontend_pb2_grpc.FrontendStub(channel).Extract()
        for request in requests:
            await stream.write(request)
        await until(lambda: servicer.streams == 1)
        stream.cancel()
        await until(lambda: servicer.streams == 0)


@pytest.mark.parametrize("settings", [FrontendSettings(listen="127.0.0.1:0", stall_timeout_s=0.2)])
async def test_a_gateway_that_does_not_read(served: tuple[Watched, str]) -> None:
    servicer, target = served
    async with grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        stream: Any = frontend_pb2_grpc.FrontendStub(channel).Extract()
        await stream.write(LINEAR16)
        await stream.write(LARGE)
        await until(lambda: servicer.forgot)
        assert servicer.streams == 0
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in stream:
                pass
    assert type(from_rpc_error(caught.value, errors.FrontendLostError)) is errors.ClientNotReadingError
