"""`amira up` and `amira demo` where every hop is encrypted and asks for certificates."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from amira_core.security.certificates import TlsError
from amira_local.demo import default_search, listen_and_report
from amira_local.options import StackOptions
from amira_local.security.stack_access import StackAccess, a_name_in
from amira_local.stack import LocalStack, StackError
from tests.gateway.access.door import add_key
from tests.support.certificates import Authority

LIGHT = StackOptions(ephemeral_ports=True, encoder="in_process", search="beam")


def everywhere(folder: Path, *services: str) -> dict[str, str]:
    """mTLS on all hops of `services`, with an authority for the fleet and one for its clients."""
    fleet, clients = Authority(folder, "fleet"), Authority(folder, "clients")
    member = fleet.issue("member", host="member.fleet.example")
    user, front = clients.issue("user"), clients.issue("front", host="*.asr.example")
    settings = {"AMIRA_CLIENT_CERT": str(user.cert), "AMIRA_CLIENT_KEY": str(user.key)}
    for service in services:
        own, authority = (front, clients) if service == "gateway" else (member, fleet)
        fields = {
            "CERT": own.cert, "KEY": own.key, "CLIENT_CA": authority.ca,
            "CA": fleet.ca, "CLIENT_CERT": member.cert, "CLIENT_KEY": member.key,
            "SERVER_NAME": "member.fleet.example",
        }  # fmt: skip
        settings |= {f"AMIRA_{service.upper()}_TLS_{name}": str(value) for name, value in fields.items()}
    return settings


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    clip = tmp_path / "silence.wav"
    soundfile.write(clip, np.zeros(8000, np.int16), 16000)
    return clip


@pytest.mark.slow
async def test_every_hop_with_triton(tmp_path: Path, silence: Path) -> None:
    env = everywhere(tmp_path, "triton", "frontend", "decoder", "gateway")
    env["AMIRA_GATEWAY_API_KEYS_FILE"] = str(tmp_path / "keys.json")
    env["AMIRA_API_KEY"] = add_key(tmp_path / "keys.json")
    output = io.StringIO()
    async with LocalStack(StackOptions(ephemeral_ports=True, search="beam", env=env)) as stack:
        assert await listen_and_report(stack, silence, Console(file=output, width=200)) == 1
        await stack.wait_ready("triton")
    assert "Search: beam" in output.getvalue()
    assert "No words came" in output.getvalue()


async def test_the_gateway_alone_needs_no_settings_of_its_callers(tmp_path: Path) -> None:
    env = {k: v for k, v in everywhere(tmp_path, "gateway").items() if "_TLS_CERT" in k or "_TLS_KEY" in k}
    async with LocalStack(replace(LIGHT, env=env)) as stack, stack.client() as client:
        assert (await client.capabilities()).models
        assert await default_search(stack) == "beam"


@pytest.mark.parametrize(
    ("field", "value"),
    [("TLS_CA", "clients-ca.pem"), ("TLS_SERVER_NAME", "other.example"), ("TLS_CA", "")],
)
async def test_a_caller_whose_settings_do_not_fit_is_named(tmp_path: Path, field: str, value: str) -> None:
    env = everywhere(tmp_path, "frontend", "gateway")
    env[f"AMIRA_GATEWAY_{field}"] = str(tmp_path / value) if value.endswith(".pem") else value
    if not value:
        env |= {name: "" for name in env if name.startswith("AMIRA_GATEWAY_TLS_SERVER_NAME")}
    with pytest.raises(StackError, match="AMIRA_GATEWAY_TLS_C"):
        await LocalStack(replace(LIGHT, env=env)).start()


@pytest.mark.parametrize(
    ("service", "named"), [("gateway", "AMIRA_CLIENT_CERT"), ("decoder", "AMIRA_GATEWAY_TLS_CLIENT_CERT")]
)
async def test_a_missing_client_certificate_is_named_before_anything_starts(
    tmp_path: Path, service: str, named: str
) -> None:
    env = everywhere(tmp_path, service)
    del env["AMIRA_CLIENT_CERT"]
    for name in ("AMIRA_GATEWAY_TLS_CLIENT_CERT", "AMIRA_GATEWAY_TLS_CLIENT_KEY"):
        env[name] = ""
    stack = LocalStack(replace(LIGHT, env=env))
    with pytest.raises(StackError, match=named):
        await stack.start()
    assert stack.processes == {}


def test_credentials_follow_the_services_settings(tmp_path: Path) -> None:
    access = StackAccess(everywhere(tmp_path, "frontend"))
    assert access.to("gateway") is None
    with pytest.raises(TlsError, match="AMIRA_GATEWAY_TLS_CLIENT_CERT"):
        access.to("frontend")
    access = StackAccess(everywhere(tmp_path, "frontend", "gateway"))
    tls = access.to("frontend")
    assert tls is not None
    assert tls.server_name == "member.fleet.example"
    assert access.to("frontend") is tls
    assert a_name_in(tmp_path / "front.pem") == "any.asr.example"
