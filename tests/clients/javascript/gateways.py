"""Real gateways for the JavaScript client: gRPC and the web port of one, wires to cut, processes to kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira_local.ports import free_ports
from tests.support.spoken import Spoken

_READY_S = 60


@dataclass(frozen=True)
class Doors:
    """Both ways into one gateway, HOST:PORT each."""

    grpc: str
    web: str

    @property
    def ws(self) -> str:
        return f"ws://{self.web}"


@dataclass
class GatewayProcess:
    """A gateway that a test may kill."""

    doors: Doors
    process: subprocess.Popen[bytes]


@contextmanager
def gateway_process(spoken: Spoken, **settings: Any) -> Iterator[GatewayProcess]:
    """The program itself in front of `spoken`'s services, ready."""
    port, web_port = free_ports(2)
    frontend, decoder = spoken.targets
    changed = {
        "listen": f"127.0.0.1:{port}",
        "web_listen": f"127.0.0.1:{web_port}",
        "frontend_target": frontend,
        "decoder_target": decoder,
        "service_timeout_s": 30,
        "start_timeout_s": 30,
        **settings,
    }
    environment = {f"AMIRA_GATEWAY_{name.upper()}": str(value) for name, value in changed.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "amira_gateway"], env=os.environ | environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_ready(f"127.0.0.1:{port}")
            yield GatewayProcess(Doors(f"127.0.0.1:{port}", f"127.0.0.1:{web_port}"), process)
        finally:
            process.kill()


def _wait_ready(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service="amira.asr.v1.Speech")
        watched = stub.Watch(asked, timeout=_READY_S, wait_for_ready=True)
        for told in watched:
            if told.status == health_pb2.HealthCheckResponse.SERVING:
                watched.cancel()
                return
    raise AssertionError(f"{address} did not become ready")
