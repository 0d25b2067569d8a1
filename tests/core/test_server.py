"""RpcServer: health, reflection, ports, shutdown."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from amira_core.rpc.health import LIVE
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer, run_until_signal

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
NAME = "amira.frontend.v1.Frontend"


@pytest.fixture
async def started() -> AsyncIterator[tuple[RpcServer, Any, grpc.aio.Channel]]:
    server = RpcServer("127.0.0.1:0", NAME)
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
        yield server, health_pb2_grpc.HealthStub(channel), channel
    await server.stop(0)


def of(name: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=name)


async def next_status(watch: Any) -> int:
    async with asyncio.timeout(60):
        return int((await watch.read()).status)


@pytest.mark.parametrize("name", ["", NAME])
async def test_not_serving_until_ready(started: Any, name: str) -> None:
    server, stub, _ = started
    assert (await stub.Check(of(name))).status == NOT_SERVING
    await server.set_ready(True)
    assert (await stub.Check(of(name))).status == SERVING
    await server.set_ready(False)
    assert (await stub.Check(of(name))).status == NOT_SERVING


async def test_is_live_whether_ready_or_not(started: Any) -> None:
    server, stub, _ = started
    assert (await stub.Check(of(LIVE))).status == SERVING
    await server.set_ready(True)
    await server.set_ready(False)
    assert (await stub.Check(of(LIVE))).status == SERVING


async def test_unknown_services(started: Any) -> None:
    _, stub, _ = started
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.Check(of("nobody"))
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    assert await next_status(stub.Watch(of("nobody"))) == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def test_watchers_are_told_even_when_others_have_left(started: Any) -> None:
    server, stub, _ = started
    leaving, staying = stub.Watch(of(NAME)), stub.Watch(of(NAME))
    assert await next_status(leaving) == await next_status(staying) == NOT_SERVING
    leaving.cancel()
    await asyncio.sleep(0.05)
    await server.set_ready(True)
    assert await next_status(staying) == SERVING
    await server.set_ready(True)  # no news
    await server.set_ready(False)
    assert await next_status(staying) == NOT_SERVING


async def test_a_watcher_does_not_hold_up_the_shutdown(started: Any) -> None:
    server, stub, _ = started
    await server.set_ready(True)
    watch = stub.Watch(of(NAME))
    assert await next_status(watch) == SERVING
    async with asyncio.timeout(60):
        await server.stop(grace_s=600)
    assert await next_status(watch) == NOT_SERVING
    assert await watch.read() is grpc.aio.EOF
    await server.set_ready(True)  # too late: it stays shut


async def test_reflection_names_the_service(started: Any) -> None:
    _, _, channel = started
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo()
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await call.read()
    names = {service.name for service in answer.list_services_response.service}
    assert {NAME, "grpc.health.v1.Health"} <= names
    call.cancel()


async def test_a_taken_port_is_an_error() -> None:
    first = RpcServer("127.0.0.1:0", NAME)
    second = RpcServer(f"127.0.0.1:{await first.start()}", NAME)
    with pytest.raises(OSError, match="cannot listen"):
        await second.start()
    await first.stop(0)


async def test_a_signal_ends_the_wait_and_the_drain_runs_beside_the_background() -> None:
    running = asyncio.Event()
    ended: list[str] = []

    async def background() -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("background")

    async def drain() -> None:
        await asyncio.sleep(0.01)
        ended.append("drain")

    waiting = asyncio.create_task(run_until_signal(background(), drain=drain))
    await running.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(waiting, 60)
    assert ended == ["drain", "background"]


async def test_a_background_task_that_dies_takes_the_process_with_it() -> None:
    async def dies() -> None:
        raise ValueError("dead")

    with pytest.raises(ValueError, match="dead"):
        await run_until_signal(dies())


async def test_a_background_task_that_returns_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended by itself"):
        await run_until_signal(asyncio.sleep(0))
