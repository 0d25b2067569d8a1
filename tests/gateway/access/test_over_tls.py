"""Certificates and keys together: each keeps out whom it should, with the documented status."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from amira_core.rpc.options import MAX_MESSAGE_BYTES
from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from tests.gateway.access.door import Caller, add_key, bearer, door, outcome
from tests.support.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def key(tmp_path: Path) -> str:
    return add_key(tmp_path / "keys.json")


def credentials(authority: Authority, pair: Pair | None = None) -> grpc.ChannelCredentials:
    shown = (None, None) if pair is None else (pair.key.read_bytes(), pair.cert.read_bytes())
    return grpc.ssl_channel_credentials(authority.ca.read_bytes(), *shown)


async def test_a_certificate_is_no_key_and_a_key_is_no_certificate(
    authority: Authority, key: str, tmp_path: Path
) -> None:
    pair, client = authority.issue("gateway"), authority.issue("client")
    stranger = Authority(tmp_path, "stranger")
    tls = Transport(server=ServerTls(pair.cert, pair.key, authority.ca))
    async with door(transport=tls, api_keys_file=tmp_path / "keys.json") as server:
        trusted = credentials(authority, client)
        async with Caller(server, bearer(key), trusted) as caller:
            assert await caller.stream_seconds(0.1) == 3
            assert await caller.recognize()
        async with Caller(server, bearer(key + "x"), trusted) as caller:
            assert (await outcome(caller.stream_seconds(0.1)))[:2] == ("UNAUTHENTICATED", "UNAUTHENTICATED")
        for without in (
            None,  # plaintext
            credentials(authority),  # no certificate
            credentials(authority, stranger.issue("client", into="strangers-client")),
            credentials(stranger, client),  # does not believe the server
        ):
            async with Caller(server, bearer(key), without) as caller:
                assert (await outcome(caller.stream_seconds(0.1)))[0] == "UNAVAILABLE"
                assert (await outcome(caller.recognize()))[0] == "UNAVAILABLE"
        assert len(server.unary_requests) == 1


async def test_oversize_messages_and_metadata(authority: Authority, key: str, tmp_path: Path) -> None:
    pair = authority.issue("gateway")
    tls = Transport(server=ServerTls(pair.cert, pair.key))
    async with door(transport=tls, api_keys_file=tmp_path / "keys.json") as server:
        async with Caller(server, bearer(key), credentials(authority)) as caller:
            status, reason, _, retry_ms = await outcome(caller.recognize(bytes(MAX_MESSAGE_BYTES)))
            assert (status, reason, retry_ms) == ("RESOURCE_EXHAUSTED", "", None)
            seconds = MAX_MESSAGE_BYTES / 32_000
            assert (await outcome(caller.stream_seconds(0.1, seconds)))[0] == "RESOURCE_EXHAUSTED"
            assert await caller.recognize()
        for metadata in (bearer("x" * 20_000), [*bearer(key), ("x-more", "v" * 20_000)]):
            async with Caller(server, metadata, credentials(authority)) as caller:
                assert (await outcome(caller.recognize()))[0] == "RESOURCE_EXHAUSTED"
        async with Caller(server, bearer("x" * 6_000), credentials(authority)) as caller:
            assert (await outcome(caller.recognize()))[0] == "UNAUTHENTICATED"
