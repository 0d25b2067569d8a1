"""The program itself: readiness, signals, an address that is taken."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira.asr.v1 import speech_pb2_grpc
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_local.ports import free_ports
from tests.gateway.scripted import audio, config, finish, pattern, running, until


@asynccontextmanager
async def gateway(port: int, **settings: object) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {f"AMIRA_GATEWAY_{name.upper()}": str(value) for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "amira_gateway",
        env=os.environ | environment | {"AMIRA_GATEWAY_LISTEN": f"127.0.0.1:{port}"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def health(channel: grpc.aio.Channel) -> int:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(
        health_pb2.HealthCheckRequest(service="amira.asr.v1.Speech"), timeout=60, wait_for_ready=True
    )
    return int(answer.status)


async def test_ready_once_both_services_are_and_for_good_then_drains_on_sigterm() -> None:
    async with running() as stack:
        frontend, decoder = stack.frontend_port, stack.decoder_port
        (port,) = free_ports(1)
        targets = {"frontend_target": f"127.0.0.1:{frontend}", "decoder_target": f"127.0.0.1:{decoder}"}
        async with (
            gateway(port, **targets) as process,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel,
        ):
            assert await health(channel) == health_pb2.HealthCheckResponse.NOT_SERVING
            await stack.frontend_server.set_ready(True)
            await asyncio.sleep(0.3)
            assert await health(channel) == health_pb2.HealthCheckResponse.NOT_SERVING
            await stack.decoder_server.set_ready(True)
            watch: Any = health_pb2_grpc.HealthStub(channel)
            async for told in watch.Watch(health_pb2.HealthCheckRequest(), timeout=60):
                if told.status == health_pb2.HealthCheckResponse.SERVING:
                    break
            await stack.decoder_server.set_ready(False)
            await asyncio.sleep(0.3)
            assert await health(channel) == health_pb2.HealthCheckResponse.SERVING

            call: DuplexCall[Any, Any] = DuplexCall(speech_pb2_grpc.SpeechStub(channel).StreamingRecognize())
            await call.write(config())
            assert (await call.read()).HasField("session")
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            await call.write(audio(pattern(320)))
            await call.done_writing()
            assert (await finish(call)).finals == ["320 bytes"]
            _, log = await process.communicate()
            assert process.returncode == 0, log.decode()
            assert b"Traceback" not in log
            assert b'"stream_ended"' in log


async def test_a_taken_address_is_said_plainly() -> None:
    async with running() as stack, gateway(stack.port) as process:
        _, log = await process.communicate()
        assert process.returncode == 2
        assert b"cannot_start" in log
        assert b"Traceback" not in log


async def test_a_second_signal_ends_at_once() -> None:
    async with running() as stack:
        await stack.frontend_server.set_ready(True)
        await stack.decoder_server.set_ready(True)
        (port,) = free_ports(1)
        targets = {
            "frontend_target": f"127.0.0.1:{stack.frontend_port}",
            "decoder_target": f"127.0.0.1:{stack.decoder_port}",
        }
        async with (
            gateway(port, drain_timeout_s=60, **targets) as process,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel,
        ):
            await health(channel)
            call: DuplexCall[Any, Any] = DuplexCall(speech_pb2_grpc.SpeechStub(channel).StreamingRecognize())
            await call.write(config())
            await call.read()
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            assert process.returncode is None
            process.send_signal(signal.SIGTERM)
            await until(lambda: process.returncode is not None)
            assert process.returncode == -signal.SIGTERM
