"""Who gets through a handshake and who does not, and certificates that change under running streams."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest

from amira_core.rpc.call import DuplexCall
from amira_core.rpc.channel import open_channel
from amira_core.security.client_tls import ClientTls
from amira_core.security.reloading_channel import ReloadingChannel
from tests.core.security.echo import NAME, call, echo, trusting
from tests.support.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def refused(channel: grpc.aio.Channel) -> grpc.StatusCode:
    async with channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel)
    return failure.value.code()


def name_shown(target: str, authority: Authority) -> str:
    """The common name in the certificate that a new handshake gets."""
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.set_alpn_protocols(["h2"])
    host, port = target.rsplit(":", 1)
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        subject: Any = (secure.getpeercert() or {})["subject"]
        return str(dict(part[0] for part in subject)["commonName"])


def replace(old: Pair, new: Pair) -> None:
    """As certificate managers do it: each file is renamed into place."""
    os.replace(new.key, old.key)
    os.replace(new.cert, old.cert)


async def test_a_client_that_trusts_the_authority_gets_through(authority: Authority) -> None:
    async with (
        echo(authority.issue("server")) as target,
        open_channel(target, tls=trusting(authority)) as channel,
    ):
        assert await call(channel) == b"hello"


async def test_without_tls_calls_are_plaintext() -> None:
    async with echo(None) as target, open_channel(target) as channel:
        assert await call(channel) == b"hello"


async def test_plaintext_to_a_tls_port_is_refused(authority: Authority) -> None:
    async with echo(authority.issue("server")) as target:
        assert await refused(open_channel(target)) is grpc.StatusCode.UNAVAILABLE


async def test_tls_to_a_plaintext_port_fails(authority: Authority) -> None:
    async with echo(None) as target:
        assert await refused(open_channel(target, tls=trusting(authority))) is grpc.StatusCode.UNAVAILABLE


async def test_a_server_of_another_authority_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with echo(stranger.issue("server")) as target:
        assert await refused(open_channel(target, tls=trusting(authority))) is grpc.StatusCode.UNAVAILABLE


async def test_the_name_in_the_certificate_counts(authority: Authority) -> None:
    async with echo(authority.issue("server", host="decoder.internal")) as target:
        right, wrong = (
            trusting(authority, server_name=name) for name in ("decoder.internal", "gateway.internal")
        )
        async with open_channel(target, tls=right) as channel:
            assert await call(channel) == b"hello"
        assert await refused(open_channel(target, tls=wrong)) is grpc.StatusCode.UNAVAILABLE


async def test_the_name_that_is_set_wins_over_the_name_that_was_looked_up(authority: Authority) -> None:
    looked_up = [("grpc.ssl_target_name_override", "pods.decoder")]
    async with echo(authority.issue("server", host="decoder.internal")) as target:
        tls = trusting(authority, server_name="decoder.internal")
        async with open_channel(target, looked_up, tls=tls) as channel:
            assert await call(channel) == b"hello"
        assert await refused(open_channel(target, looked_up, tls=trusting(authority))) is (
            grpc.StatusCode.UNAVAILABLE
        )


async def test_client_certificates_when_they_are_required(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    known, unknown = authority.issue("gateway"), stranger.issue("burglar")
    expired = authority.issue("late", days=-1)
    async with echo(authority.issue("server"), authority.ca) as target:
        async with open_channel(target, tls=trusting(authority, known)) as channel:
            assert await call(channel) == b"hello"
        assert await refused(open_channel(target, tls=trusting(authority))) is grpc.StatusCode.UNAVAILABLE
        of_stranger = trusting(authority, unknown)
        assert await refused(open_channel(target, tls=of_stranger)) is grpc.StatusCode.UNAVAILABLE
        late = grpc.ssl_channel_credentials(
            authority.ca.read_bytes(), expired.key.read_bytes(), expired.cert.read_bytes()
        )
        assert await refused(grpc.aio.secure_channel(target, late)) is grpc.StatusCode.UNAVAILABLE


async def test_a_renewed_certificate_is_shown_and_old_streams_live_on(authority: Authority) -> None:
    pair = authority.issue("first")
    async with echo(pair) as target, open_channel(target, tls=trusting(authority)) as channel:
        stream: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream(f"/{NAME}/Many")())
        await stream.write(b"before")
        assert await stream.read() == b"before"
        assert await asyncio.to_thread(name_shown, target, authority) == "first"
        replace(pair, authority.issue("second"))
        assert await asyncio.to_thread(name_shown, target, authority) == "second"
        await stream.write(b"after")
        assert await stream.read() == b"after"


async def test_half_a_renewal_or_a_broken_one_changes_nothing(authority: Authority) -> None:
    pair = authority.issue("first")
    async with echo(pair) as target:
        new = authority.issue("second")
        os.replace(new.key, pair.key)
        assert await asyncio.to_thread(name_shown, target, authority) == "first"
        pair.cert.write_text("garbage")
        assert await asyncio.to_thread(name_shown, target, authority) == "first"
        pair.cert.unlink()
        assert await asyncio.to_thread(name_shown, target, authority) == "first"
        os.replace(new.cert, pair.cert)
        assert await asyncio.to_thread(name_shown, target, authority) == "second"


async def test_an_authority_that_is_taken_back_shuts_its_clients_out(
    authority: Authority, tmp_path: Path
) -> None:
    client_ca = tmp_path / "clients.pem"
    client_ca.write_bytes(authority.ca.read_bytes())
    client = authority.issue("gateway")
    async with echo(authority.issue("server"), client_ca) as target:
        async with open_channel(target, tls=trusting(authority, client)) as channel:
            assert await call(channel) == b"hello"
        client_ca.write_bytes(Authority(tmp_path, "successor").ca.read_bytes())
        tls = trusting(authority, client)
        assert await refused(open_channel(target, tls=tls)) is grpc.StatusCode.UNAVAILABLE


def reloading(tls: ClientTls, target: str) -> tuple[ReloadingChannel, list[grpc.aio.Channel]]:
    """A channel that looks at its files before every call, and the channels that it opens."""
    opened: list[grpc.aio.Channel] = []

    def open_with(credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
        options = [("grpc.use_local_subchannel_pool", 1)]
        opened.append(grpc.aio.secure_channel(target, credentials, options=options))
        return opened[-1]

    return ReloadingChannel(tls, open_with, look_every_s=0), opened


async def test_a_renewed_client_certificate_is_used_and_old_streams_live_on(
    authority: Authority, tmp_path: Path
) -> None:
    successor = Authority(tmp_path, "successor")
    client = authority.issue("gateway")
    client_ca = tmp_path / "clients.pem"
    client_ca.write_bytes(authority.ca.read_bytes())
    async with echo(authority.issue("server"), client_ca) as target:
        channel, opened = reloading(trusting(authority, client), target)
        async with channel:
            one = channel.unary_unary(f"/{NAME}/One")
            assert await one(b"1") == b"1"
            stream: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream(f"/{NAME}/Many")())
            await stream.write(b"before")
            assert await stream.read() == b"before"
            client_ca.write_bytes(successor.ca.read_bytes())  # from now on only the new one will do
            replace(client, successor.issue("gateway", into="renewed"))
            assert await one(b"2") == b"2"
            assert len(opened) == 2
            await stream.write(b"after")
            assert await stream.read() == b"after"
            await stream.done_writing()
            assert await stream.read() is None
            await asyncio.sleep(0.05)
            assert opened[0].get_state() is grpc.ChannelConnectivity.SHUTDOWN
            assert await one(b"3") == b"3"


async def test_client_files_that_cannot_be_used_leave_the_channel_as_it_was(authority: Authority) -> None:
    client = authority.issue("gateway")
    async with echo(authority.issue("server"), authority.ca) as target:
        channel, opened = reloading(trusting(authority, client), target)
        async with channel:
            client.key.write_text("garbage")
            for _ in range(3):
                assert await call(channel) == b"hello"
            assert len(opened) == 1
