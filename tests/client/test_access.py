"""The client in front of a server with TLS and keys: how it gets in, and what it says when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from amira_client import (
    AccessError,
    AmiraClient,
    AudioEncoding,
    RecognitionConfig,
    ServerError,
    Tls,
    UnreachableError,
)
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from amira_gateway.access.identity import Scope
from tests.gateway.access.door import Issuer, add_key, door, limit_tenant
from tests.support.certificates import Authority
from tests.support.speech_server import ScriptedSpeech

PCM = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16000)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def key(keys: Path) -> str:
    return add_key(keys)


@pytest.fixture
async def server(authority: Authority, keys: Path, key: str, tmp_path: Path) -> AsyncIterator[ScriptedSpeech]:
    """TLS, keys and tokens."""
    pair = authority.issue("gateway")
    issuer = Issuer(tmp_path / "jwks.json")
    tls = Transport(server=ServerTls(pair.cert, pair.key))
    async with door(transport=tls, api_keys_file=keys, jwks_file=issuer.path) as scripted:
        scripted.issuer = issuer  # type: ignore[attr-defined]
        yield scripted


async def failure(client: AmiraClient) -> ServerError:
    """How every kind of call fails; the same for all of them."""
    async with client:
        errors = []
        for attempt in (client.capabilities(), client.recognize(bytes(320), PCM), stream_once(client)):
            with pytest.raises(ServerError) as raised:
                await attempt
            errors.append(raised.value)
    assert len({(type(error), error.status, error.reason) for error in errors}) == 1
    return errors[-1]


async def stream_once(client: AmiraClient) -> str:
    async with client.stream(PCM) as stream:
        await stream.send(bytes(320))
        await stream.end()
        responses = [response async for response in stream]
    return responses[-1].result.alternatives[0].text


@pytest.mark.parametrize("form", ["path", "text", "bytes", "options"])
async def test_with_a_key_over_tls(server: ScriptedSpeech, authority: Authority, key: str, form: str) -> None:
    tls: Any = {
        "path": authority.ca,
        "text": str(authority.ca),
        "bytes": read(authority.ca),
        "options": Tls(ca=authority.ca, server_name="localhost"),
    }[form]
    async with AmiraClient(server.target, tls=tls, api_key=key) as client:
        assert (await client.capabilities()).server_version == "scripted"
        assert await stream_once(client)
        assert await client.recognize(bytes(320), PCM)


def read(path: Path) -> bytes:
    return path.read_bytes()


async def test_with_a_token_that_is_asked_for_each_time(server: ScriptedSpeech, authority: Authority) -> None:
    given = []

    def fresh() -> str:
        given.append(server.issuer.token(sub=f"call-{len(given)}"))  # type: ignore[attr-defined]
        return str(given[-1])

    async with AmiraClient(server.target, tls=authority.ca, token=fresh) as client:
        await client.capabilities()
        await stream_once(client)
        await stream_once(client)
    assert len(set(given)) == 3
    assert server.metadata["authorization"] == f"Bearer {given[-1]}"


async def test_without_a_key(server: ScriptedSpeech, authority: Authority) -> None:
    error = await failure(AmiraClient(server.target, tls=authority.ca))
    assert isinstance(error, AccessError)
    assert (error.status, error.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert "api_key=" in error.message


async def test_with_a_wrong_key_or_token(server: ScriptedSpeech, authority: Authority, key: str) -> None:
    for secret in ({"api_key": key + "x"}, {"token": "eyJ.eyJ.x"}, {"token": key[:-1]}):
        error = await failure(AmiraClient(server.target, tls=authority.ca, **secret))
        assert isinstance(error, AccessError)
        assert error.status is grpc.StatusCode.UNAUTHENTICATED
        assert "not valid" in error.message
        assert error.retry_after_s is None
        assert not any(value in str(error) for value in secret.values())


async def test_with_a_key_for_something_else(
    server: ScriptedSpeech, authority: Authority, keys: Path
) -> None:
    describe = add_key(keys, "acme", Scope.DESCRIBE)
    async with AmiraClient(server.target, tls=authority.ca, api_key=describe) as client:
        await client.capabilities()
        with pytest.raises(AccessError, match="`recognize`") as raised:
            await stream_once(client)
    assert (raised.value.status, raised.value.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "PERMISSION_DENIED",
    )


async def test_at_the_tenants_limit(
    server: ScriptedSpeech, authority: Authority, keys: Path, key: str
) -> None:
    limit_tenant(keys, "acme", max_streams=1)
    async with AmiraClient(server.target, tls=authority.ca, api_key=key) as client:
        async with client.stream(PCM) as stream:
            assert (await anext(stream)).HasField("session")
            with pytest.raises(ServerError) as raised:
                await stream_once(client)
        assert raised.value.reason == "TENANT_LIMIT"
        assert raised.value.retry_after_s == 1.0


async def test_plaintext_to_a_tls_port(server: ScriptedSpeech, key: str) -> None:
    error = await failure(AmiraClient(server.target, api_key=key))
    assert isinstance(error, UnreachableError)
    assert "pass tls=True" in error.message


async def test_a_server_that_is_not_trusted(server: ScriptedSpeech, tmp_path: Path, key: str) -> None:
    stranger = Authority(tmp_path, "stranger")
    for tls in (True, stranger.ca):
        error = await failure(AmiraClient(server.target, tls=tls, api_key=key))
        assert isinstance(error, UnreachableError)
        assert "not signed by an authority that is trusted here" in error.message
    assert server.metadata == {}  # the key never left


async def test_a_server_of_another_name(server: ScriptedSpeech, authority: Authority, key: str) -> None:
    tls = Tls(ca=authority.ca, server_name="elsewhere.example")
    error = await failure(AmiraClient(server.target, tls=tls, api_key=key))
    assert isinstance(error, UnreachableError)
    assert "for another name" in error.message


async def test_tls_to_a_plaintext_port(authority: Authority) -> None:
    async with ScriptedSpeech() as plain:
        error = await failure(AmiraClient(plain.target, tls=authority.ca))
    assert isinstance(error, UnreachableError)
    assert "speaks no TLS" in error.message
    assert "speaks no TLS" in error.advice


async def test_a_server_that_asks_for_a_certificate(authority: Authority, tmp_path: Path) -> None:
    pair, own = authority.issue("gateway"), authority.issue("client")
    tls = Transport(server=ServerTls(pair.cert, pair.key, authority.ca))
    async with door(transport=tls) as server:
        error = await failure(AmiraClient(server.target, tls=authority.ca))
        assert isinstance(error, UnreachableError)
        assert "client certificate" in error.message
        options = Tls(ca=authority.ca, cert=own.cert, key=own.key)
        async with AmiraClient(server.target, tls=options) as client:
            assert await stream_once(client)


async def test_a_lost_connection_is_not_blamed_on_tls(key: str) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as nobody:
        port = nobody.sockets[0].getsockname()[1]
        nobody.close()
        await nobody.wait_closed()
        error = await failure(AmiraClient(f"127.0.0.1:{port}", api_key=key))
    assert isinstance(error, UnreachableError)
    assert "TLS" not in error.message
    assert error.advice == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"api_key": "a", "token": "b"}, "not both"),
        ({"api_key": ""}, "empty"),
        ({"api_key": " \n"}, "empty"),
        ({"token": "schlüssel"}, "characters"),
        ({"token": "two\nlines"}, "characters"),
        ({"tls": Tls(cert=b"x")}, "cert and key together"),
        ({"tls": True, "credentials": grpc.ssl_channel_credentials()}, "tls or credentials"),
    ],
)
async def test_arguments_that_cannot_be(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        AmiraClient("127.0.0.1:1", **arguments)


async def test_a_certificate_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pem"):
        AmiraClient("127.0.0.1:1", tls=tmp_path / "none.pem")


@pytest.mark.parametrize(
    "target",
    [
        "asr.example:443",
        "dns:///asr.example:443",
        "10.0.0.7:50051",
        "asr",
        "unix.example:443",
        "ipv4:127.0.0.1:1,10.0.0.7:1",
        "localhost.example:1",
    ],
)
async def test_a_key_does_not_leave_the_machine_unencrypted(target: str) -> None:
    with pytest.raises(ValueError, match="unencrypted"):
        AmiraClient(target, api_key="amira_x_y")
    for allowed in ({"tls": True}, {"plaintext_secret": True}):
        await AmiraClient(target, api_key="amira_x_y", **allowed).aclose()  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["127.0.0.1:1", "localhost:1", "[::1]:1", "ipv4:127.0.0.1:1", "unix:/x"])
async def test_on_this_machine_it_may(target: str) -> None:
    await AmiraClient(target, api_key="amira_x_y").aclose()
