"""amira-health: what a container's health check runs, against real servers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from amira_core.rpc.probe import Service, address_of
from amira_core.rpc.server import RpcServer
from amira_core.security.tls_settings import TlsSettings
from amira_core.security.transport import Transport
from amira_decoder.settings import DecoderSettings
from amira_frontend.settings import FrontendSettings
from amira_gateway.settings import GatewaySettings
from amira_triton.settings import TritonSettings
from tests.support.certificates import Authority


async def health(service: str, *options: str, **environment: str) -> tuple[int, str]:
    """Exit status and output of `amira-health service`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "amira_core.rpc.probe",
        service,
        "--timeout-s",
        "5",
        *options,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_asks_the_service_that_listens_here() -> None:
    server = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
    listen = {"AMIRA_FRONTEND_LISTEN": f"0.0.0.0:{await server.start()}"}
    assert await health("frontend", **listen) == (1, "frontend: NOT_SERVING\n")
    assert await health("frontend", "--live", **listen) == (0, "frontend: SERVING\n")
    await server.set_ready(True)
    assert await health("frontend", **listen) == (0, "frontend: SERVING\n")
    await server.stop(0)
    assert await health("frontend", **listen) == (1, "frontend: no answer (UNAVAILABLE)\n")


@pytest.mark.parametrize("host", ["localhost", "gateway.example"])
async def test_with_certificates_asked_for_on_both_sides(tmp_path: Path, host: str) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("gateway", host=host)
    tls = TlsSettings(tls_cert=str(pair.cert), tls_key=str(pair.key), tls_client_ca=str(authority.ca))
    server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech", transport=Transport.of(tls))
    listen = {"AMIRA_GATEWAY_LISTEN": f"127.0.0.1:{await server.start()}"}
    await server.set_ready(True)
    files = {"AMIRA_GATEWAY_TLS_CERT": str(pair.cert), "AMIRA_GATEWAY_TLS_KEY": str(pair.key)}
    assert await health("gateway", **listen, **files) == (0, "gateway: SERVING\n")
    stranger = Authority(tmp_path, "other").issue("stranger", host=host)
    files = {"AMIRA_GATEWAY_TLS_CERT": str(stranger.cert), "AMIRA_GATEWAY_TLS_KEY": str(stranger.key)}
    assert (await health("gateway", **listen, **files))[0] == 1
    await server.stop(0)


async def test_what_cannot_be_asked_is_told_apart(tmp_path: Path) -> None:
    missing = {"AMIRA_GATEWAY_TLS_CERT": str(tmp_path / "no.pem"), "AMIRA_GATEWAY_TLS_KEY": "no.key"}
    status, said = await health("gateway", **missing)
    assert status == 2
    assert "cannot read the certificate" in said
    assert (await health("nobody"))[0] == 2


def test_default_addresses_are_the_services() -> None:
    assert address_of(Service.GATEWAY) == GatewaySettings().listen
    assert address_of(Service.FRONTEND) == FrontendSettings().listen
    assert address_of(Service.DECODER) == DecoderSettings().listen
    assert address_of(Service.TRITON) == TritonSettings().grpc_address


@pytest.mark.parametrize(
    ("listen", "asked"),
    [("0.0.0.0:7", "127.0.0.1:7"), ("[::]:7", "[::1]:7"), ("10.0.0.1:7", "10.0.0.1:7")],
)
def test_a_wildcard_is_asked_on_loopback(monkeypatch: pytest.MonkeyPatch, listen: str, asked: str) -> None:
    monkeypatch.setenv("AMIRA_DECODER_LISTEN", listen)
    assert address_of(Service.DECODER) == asked
