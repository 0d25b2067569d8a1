"""A real frontend on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up


@pytest.fixture
def settings() -> FrontendSettings:
    """Tests may override this one by parametrization."""
    return FrontendSettings(listen="127.0.0.1:0", max_streams=4)


@pytest.fixture
async def channel(settings: FrontendSettings) -> AsyncIterator[grpc.aio.Channel]:
    warm_up()
    server = RpcServer(settings.listen, "amira.frontend.v1.Frontend")
    servicer = FrontendServicer(settings)
    frontend_pb2_grpc.add_FrontendServicer_to_server(servicer, server.grpc)
    port = await server.start()
    await server.set_ready(True)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
        yield channel
    await server.stop(0)
    assert servicer.streams == 0


@pytest.fixture
def frontend(channel: grpc.aio.Channel) -> frontend_pb2_grpc.FrontendAsyncStub:
    return frontend_pb2_grpc.FrontendStub(channel)
