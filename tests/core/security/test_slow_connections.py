"""Connections that send little or nothing, or too many of them: each is bounded, others are not hurt."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import grpc
import pytest

from amira_core.rpc.channel import open_channel
from amira_core.rpc.options import MAX_MESSAGE_BYTES
from tests.core.security.echo import call, echo, trusting
from tests.support.certificates import Authority

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
QUICK = [("grpc.server_handshake_timeout_ms", 300)]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def address(target: str) -> tuple[str, int]:
    host, port = target.rsplit(":", 1)
    return host, int(port)


async def closed_by_the_server(reader: asyncio.StreamReader) -> None:
    """TimeoutError if the server keeps the connection."""
    async with asyncio.timeout(60):
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass


async def drip(writer: asyncio.StreamWriter, content: bytes) -> None:
    """A byte at a time, too slowly to be done in time."""
    try:
        for byte in content:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)
    except ConnectionError:
        pass


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", PREFACE])
async def test_a_tls_handshake_that_does_not_come_ends_the_connection(
    authority: Authority, sent: bytes
) -> None:
    async with echo(authority.issue("server"), options=QUICK) as target:
        reader, writer = await asyncio.open_connection(*address(target))
        writer.write(sent)
        await closed_by_the_server(reader)
        writer.close()


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE])
@pytest.mark.parametrize("tls", [False, True])
async def test_http2_that_does_not_begin_ends_the_connection(
    authority: Authority, tls: bool, sent: bytes
) -> None:
    async with echo(authority.issue("server") if tls else None, options=QUICK) as target:
        context = ssl.create_default_context(cafile=str(authority.ca))
        context.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection(*address(target), ssl=context if tls else None)
        writer.write(sent)
        await closed_by_the_server(reader)
        writer.close()


async def test_a_handshake_byte_by_byte_ends_while_others_are_served(authority: Authority) -> None:
    async with echo(authority.issue("server"), options=QUICK) as target:
        reader, writer = await asyncio.open_connection(*address(target))
        dripping = asyncio.create_task(drip(writer, b"\x16\x03\x01\x02\x00" + bytes(500)))
        async with open_channel(target, tls=trusting(authority)) as channel:
            assert await call(channel) == b"hello"
        await closed_by_the_server(reader)
        dripping.cancel()
        writer.close()


async def test_connections_beyond_the_bound_are_closed_at_once() -> None:
    async with echo(None, options=[("grpc.max_allowed_incoming_connections", 4)]) as target:
        connections = [await asyncio.open_connection(*address(target)) for _ in range(10)]

        def ended() -> int:
            return sum(reader.at_eof() for reader, _ in connections)

        async with asyncio.timeout(60):
            while ended() < 6:  # noqa: ASYNC110 - any six of ten
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        left_open = 10 - ended()
        for _, writer in connections:
            writer.close()
        assert left_open == 4


async def test_a_connection_without_calls_is_closed_and_opened_again() -> None:
    async with (
        echo(None, options=[("grpc.max_connection_idle_ms", 300)]) as target,
        open_channel(target) as channel,
    ):
        assert await call(channel) == b"hello"
        async with asyncio.timeout(60):
            state = channel.get_state()
            while state is grpc.ChannelConnectivity.READY:
                await channel.wait_for_state_change(state)
                state = channel.get_state()
        assert await call(channel) == b"hello"


async def test_metadata_beyond_the_bound_is_refused() -> None:
    async with echo(None) as target, open_channel(target) as channel:
        method = channel.unary_unary("/test.Echo/One")
        assert await method(b"1", metadata=[("x-small", "v" * 4000)]) == b"1"
        for metadata in ([("x-large", "v" * 20_000)], [(f"x-{n}", "v" * 100) for n in range(300)]):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await method(b"1", metadata=metadata)
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await method(b"2") == b"2"


async def test_a_message_beyond_the_bound_is_refused() -> None:
    async with echo(None) as target:
        channel = grpc.aio.insecure_channel(target, options=[("grpc.max_send_message_length", -1)])
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(channel, bytes(MAX_MESSAGE_BYTES + 1))
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert await call(channel) == b"hello"
