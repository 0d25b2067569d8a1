"""Requests that are not protobuf at all: refused like other bad requests, in every kind of call."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from amira_core import errors
from amira_core.rpc.server import RpcServer
from amira_core.rpc.status import from_rpc_error

NOT_PROTOBUF = b"\xff\xff\xff"


async def test_undecodable_requests(capsys: pytest.CaptureFixture[str]) -> None:
    server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        listing = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
        calls: list[Any] = [
            channel.unary_unary("/grpc.health.v1.Health/Check")(NOT_PROTOBUF),
            channel.unary_stream("/grpc.health.v1.Health/Watch")(NOT_PROTOBUF),
            channel.stream_stream(reflection)(iter([NOT_PROTOBUF])),
            channel.stream_stream(reflection)(iter([listing, NOT_PROTOBUF])),
        ]
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await _end_of(call)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            error = from_rpc_error(caught.value, errors.FrontendLostError)
            assert "not what the method takes" in error.message
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert health_pb2.HealthCheckResponse.FromString(await check(b""))
    await server.stop(0)
    output = capsys.readouterr()
    assert "unexpected_error" not in output.out + output.err


async def _end_of(call: Any) -> None:
    if isinstance(call, grpc.aio.UnaryUnaryCall):
        await call
        return
    async for _ in call:
        pass
