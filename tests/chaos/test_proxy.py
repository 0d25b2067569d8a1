"""The fault proxy, between real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from amira_local.ports import LOOPBACK, free_ports
from chaos.proxy import GOOD, FaultProxy, Network


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
        writer.write(b"end")
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """In front of a server that echoes, and says "end" when its client has finished."""
    server = await asyncio.start_server(echo, LOOPBACK, 0)
    upstream = server.sockets[0].getsockname()[1]
    running = FaultProxy(f"{LOOPBACK}:{upstream}", free_ports(1)[0])
    await running.start()
    yield running
    await running.close()
    server.close()
    await server.wait_closed()


async def connect(proxy: FaultProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    writer.write(text)
    return await reader.readexactly(len(text))


async def hangs(reading: asyncio.Task[bytes]) -> bool:
    """Whether nothing comes although there was time for it."""
    done, _ = await asyncio.wait([reading], timeout=0.3)
    return not done


async def test_all_bytes_and_both_half_closes_pass(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    sent = bytes(range(256)) * 4096  # more than is ever kept in flight

    async def send() -> None:
        for begin in range(0, len(sent), 30_000):
            writer.write(sent[begin : begin + 30_000])
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    assert await reader.read(-1) == sent + b"end"
    await sending
    writer.close()
    while proxy.connections:  # noqa: ASYNC110 - the proxy tells nobody
        await asyncio.sleep(0.01)


async def test_a_cut_resets_open_connections_and_leaves_new_ones_alone(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"before") == b"before"
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"after") == b"after"
    writer.close()


async def test_refusing_keeps_open_connections_and_the_port(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"one") == b"one"
    await proxy.become(Network(refuses=True))
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    assert await say(reader, writer, b"two") == b"two"
    writer.close()
    await proxy.become(GOOD)
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"three") == b"three"
    writer.close()


async def test_a_stall_holds_bytes_back_and_loses_none(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"one") == b"one"
    await proxy.become(Network(stalls=True))
    writer.write(b"two")
    reading = asyncio.create_task(reader.readexactly(3))
    assert await hangs(reading)
    await proxy.become(GOOD)
    assert await reading == b"two"
    writer.close()


async def test_connections_made_during_a_stall_work_after_it(proxy: FaultProxy) -> None:
    await proxy.become(Network(stalls=True))
    reader, writer = await connect(proxy)
    reading = asyncio.create_task(say(reader, writer, b"late"))
    assert await hangs(reading)
    await proxy.become(GOOD)
    assert await reading == b"late"
    writer.close()


async def test_delay_holds_every_byte_each_way_without_slowing_the_flow(proxy: FaultProxy) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await connect(proxy)
    await proxy.become(Network(delay_ms=150))
    began = loop.time()
    pieces = [b"%04d" % number for number in range(50)]
    reading = asyncio.create_task(reader.readexactly(200))
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.005)
    assert await reading == b"".join(pieces)
    # Both ways; were each piece delayed behind the one before, it would be seconds more.
    assert loop.time() - began >= 0.3
    writer.close()


async def test_throttling_passes_no_more_than_asked(proxy: FaultProxy) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await connect(proxy)
    await proxy.become(Network(bytes_per_s=20_000))
    began = loop.time()
    assert await say(reader, writer, bytes(10_000)) == bytes(10_000)
    assert loop.time() - began >= 0.5
    writer.close()


async def test_a_dead_replica_looks_dead_through_the_proxy() -> None:
    nobody, port = free_ports(2)
    proxy = FaultProxy(f"{LOOPBACK}:{nobody}", port)
    await proxy.start()
    reader, writer = await connect(proxy)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    await proxy.close()


async def test_a_cut_ends_stalled_and_delayed_connections_too(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"one") == b"one"
    await proxy.become(Network(stalls=True, delay_ms=5000))
    writer.write(b"lost")
    await asyncio.sleep(0.05)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    await proxy.become(GOOD)
    assert proxy.connections == 0
    writer.close()


async def test_closing_frees_the_port(proxy: FaultProxy) -> None:
    reader, writer = await connect(proxy)
    assert await say(reader, writer, b"one") == b"one"
    await proxy.close()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    writer.close()
    again = FaultProxy("127.0.0.1:1", int(proxy.target.rpartition(":")[2]))
    await again.start()
    await again.close()
