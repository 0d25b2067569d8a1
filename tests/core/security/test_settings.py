"""Settings that cannot work are refused at start with a sentence that names the file and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from amira_core.rpc.channel import open_channel
from amira_core.rpc.server import RpcServer, is_loopback
from amira_core.security import transport
from amira_core.security.certificates import TlsError
from amira_core.security.transport import Transport, configure_transport
from amira_core.settings import ServiceSettings
from tests.core.security.echo import Echo, call
from tests.support.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def _plain_again() -> Iterator[None]:
    """What a test configures is this process's own: the next must not find it."""
    yield
    transport._current = Transport()


def encrypted(folder: Path) -> Path:
    path = folder / "encrypted.key"
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    return path


def problem(**settings: object) -> str:
    with pytest.raises(TlsError) as error:
        Transport.of(ServiceSettings(**{name: str(value) for name, value in settings.items()}))
    return str(error.value)


def test_files_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    good, other = authority.issue("good"), authority.issue("other")
    late, early = authority.issue("late", days=-2), authority.issue("early", starts_in_days=3)
    text = tmp_path / "text.pem"
    text.write_text("not a certificate")
    missing = tmp_path / "missing.pem"
    problems = {
        problem(tls_cert=missing, tls_key=good.key): (
            f"cannot read the certificate {missing}",
            "check the path",
        ),
        problem(tls_cert=good.cert, tls_key=missing): ("private key", str(missing)),
        problem(tls_cert=good.cert, tls_key=other.key): (str(other.key), "does not belong", str(good.cert)),
        problem(tls_cert=text, tls_key=good.key): (str(text), "no certificate in PEM"),
        problem(tls_cert=good.cert, tls_key=text): (str(text), "no private key in PEM"),
        problem(tls_cert=good.cert, tls_key=encrypted(tmp_path)): ("is encrypted", "openssl"),
        problem(tls_cert=late.cert, tls_key=late.key): (str(late.cert), "expired on", "renew"),
        problem(tls_cert=early.cert, tls_key=early.key): (str(early.cert), "valid only from", "clock"),
        problem(tls_ca=text): (str(text), "no certificate"),
        problem(tls_cert=good.cert, tls_key=good.key, tls_client_ca=missing): (str(missing),),
    }
    for told, parts in problems.items():
        for part in parts:
            assert part in told


def test_every_setting_is_described() -> None:
    for name, field in ServiceSettings.model_fields.items():
        assert field.description, name


def test_settings_that_need_each_other(authority: Authority) -> None:
    pair = authority.issue("pair")
    assert "TLS_CERT is set, but TLS_KEY is not" in problem(tls_cert=pair.cert)
    assert "TLS_KEY is set, but TLS_CERT is not" in problem(tls_key=pair.key)
    assert "TLS_CLIENT_CA is set, but TLS_CERT is not" in problem(tls_client_ca=authority.ca)
    assert "TLS_CLIENT_CERT is set, but TLS_CLIENT_KEY is not" in problem(tls_client_cert=pair.cert)
    told = problem(tls_client_cert=pair.cert, tls_client_key=pair.key)
    assert "TLS_CLIENT_CERT is set, but TLS_CA is not" in told


def test_a_certificate_that_ends_soon_is_announced(authority: Authority) -> None:
    pair = authority.issue("short", days=3)
    with capture_logs() as log:
        Transport.of(ServiceSettings(tls_cert=str(pair.cert), tls_key=str(pair.key)))
    assert [line["event"] for line in log] == ["certificate_expires_soon"]


def start_frontend(pair: Pair, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "amira_frontend"],
        env={
            **os.environ,
            "AMIRA_FRONTEND_LISTEN": "127.0.0.1:0",
            "AMIRA_FRONTEND_TLS_CERT": str(pair.cert),
            "AMIRA_FRONTEND_TLS_KEY": str(pair.key),
            **more,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_service_with_a_bad_certificate_ends_with_one_line(authority: Authority) -> None:
    done = start_frontend(authority.issue("late", days=-2))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "cannot_start" in line
    assert "late.pem expired on" in line


@pytest.mark.usefixtures("_plain_again")
async def test_a_configured_process_serves_and_calls_with_tls(authority: Authority) -> None:
    pair = authority.issue("service")
    configure_transport(
        ServiceSettings(
            tls_cert=str(pair.cert),
            tls_key=str(pair.key),
            tls_client_ca=str(authority.ca),
            tls_ca=str(authority.ca),
            tls_client_cert=str(pair.cert),
            tls_client_key=str(pair.key),
            tls_server_name="localhost",
            reflection=False,
        )
    )
    server = RpcServer("127.0.0.1:0", "test.Echo")
    server.grpc.add_generic_rpc_handlers((Echo(),))
    target = f"127.0.0.1:{await server.start()}"
    async with open_channel(target) as channel:
        assert await call(channel) == b"hello"
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[no-untyped-call]
        questions = [reflection_pb2.ServerReflectionRequest(list_services="")]
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            _ = [answer async for answer in stub.ServerReflectionInfo(iter(questions))]
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(0)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1:50051", True),
        ("[::1]:50051", True),
        ("localhost:1", True),
        ("unix:/run/amira.sock", True),
        ("0.0.0.0:50051", False),
        ("[::]:50051", False),
        ("192.0.2.7:50051", False),
        ("gateway.internal:50051", False),
        ("unix.internal:50051", False),
    ],
)
def test_who_can_reach_an_address(address: str, here: bool) -> None:
    assert is_loopback(address) is here


async def test_plaintext_that_others_can_read_is_announced() -> None:
    for address, warnings in (("127.0.0.1:0", 0), ("0.0.0.0:0", 1)):
        server = RpcServer(address, "test.Echo", transport=Transport())
        with capture_logs() as log:
            await server.start()
        await server.stop(0)
        assert [line["event"] for line in log].count("plaintext_beyond_this_machine") == warnings
