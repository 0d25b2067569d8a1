"""Streams on which nothing is said outlive their clients' pings."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira_core.rpc.options import CHANNEL_OPTIONS, SERVER_OPTIONS
from amira_core.rpc.server import RpcServer

ALLOWED = "grpc.http2.min_ping_interval_without_data_ms"


def test_clients_ping_more_seldom_than_servers_allow() -> None:
    assert dict(SERVER_OPTIONS)[ALLOWED] < dict(CHANNEL_OPTIONS)["grpc.keepalive_time_ms"]


@pytest.mark.slow
@pytest.mark.parametrize("allowed_ms", [500, 300_000])
async def test_the_option_is_one_that_grpc_knows(allowed_ms: int) -> None:
    server = RpcServer("127.0.0.1:0", "test", options=[(ALLOWED, allowed_ms)])
    port = await server.start()
    options = {**dict(CHANNEL_OPTIONS), "grpc.keepalive_time_ms": 1000}  # the least that grpc takes
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[*options.items()]) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        silent = stub.Watch(health_pb2.HealthCheckRequest(service=""))
        await silent.read()
        ended = asyncio.create_task(silent.code())
        await asyncio.wait([ended], timeout=6 if allowed_ms == 500 else 120)
        if allowed_ms == 500:
            assert not ended.done()
            silent.cancel()
        else:  # and without it pings do end a stream
            assert ended.result() is grpc.StatusCode.UNAVAILABLE
        await asyncio.wait([ended])
    await server.stop(0)
