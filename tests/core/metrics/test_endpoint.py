"""The metrics' HTTP port: what it answers, and what it survives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from amira_core.metrics import endpoint as module
from amira_core.metrics.endpoint import MetricsEndpoint


@pytest.fixture
def registry() -> CollectorRegistry:
    """Two metrics, one with an exemplar."""
    registry = CollectorRegistry()
    Counter("amira_things", "Things.", ["kind"], registry=registry).labels("odd").inc(3)
    latency = Histogram("amira_latency_seconds", "Time.", registry=registry)
    latency.observe(0.02, {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"})
    return registry


@pytest.fixture
async def port(registry: CollectorRegistry) -> AsyncIterator[int]:
    """An endpoint's port."""
    endpoint = MetricsEndpoint("127.0.0.1:0", registry)
    yield await endpoint.start()
    await endpoint.close()


async def ask(port: int, request: bytes) -> bytes:
    """All that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


async def answers(port: int) -> bool:
    """Whether a connection is served and not closed at once."""
    try:
        return bool(await ask(port, get()))
    except ConnectionError:
        return False


def get(path: str = "/metrics", accept: str = "*/*") -> bytes:
    """A request as a scraper writes it."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nACCEPT: {accept}\r\n\r\n".encode()


async def test_plain_text_unless_openmetrics_is_asked_for(port: int) -> None:
    head, _, body = (await ask(port, get())).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert b'amira_things_total{kind="odd"} 3.0' in body
    assert b"trace_id" not in body
    assert f"Content-Length: {len(body)}".encode() in head


async def test_openmetrics_has_exemplars(port: int) -> None:
    answer = await ask(port, get(accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/openmetrics-text; version=1.0.0" in head
    assert body.endswith(b"# EOF\n")
    assert body.count(b"# EOF") == 1
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    exemplars = [sample.exemplar for sample in families["amira_latency_seconds"].samples if sample.exemplar]
    assert [exemplar.labels["trace_id"] for exemplar in exemplars] == ["4bf92f3577b34da6a3ce929d0e0e4736"]


async def test_head_has_no_body_and_a_query_is_no_matter(port: int) -> None:
    head, _, body = (await ask(port, get().replace(b"GET", b"HEAD"))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b""
    assert (await ask(port, get("/metrics?name[]=x"))).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/"), b"404"),
        (get("/metrics/"), b"404"),
        (get("/../../etc/passwd"), b"404"),
        (get().replace(b"GET", b"POST"), b"405"),
        (get().replace(b"GET", b"DELETE"), b"405"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", b"431"),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\xff\xfe: \xff\r\n\r\n", b"200"),
    ],
)
async def test_what_is_no_request_for_metrics_gets_a_status(
    port: int, request_: bytes, status: bytes
) -> None:
    answer = await ask(port, request_)
    assert answer.split(b" ")[1] == status


async def test_callers_that_say_nothing_are_let_go_and_others_served_meanwhile(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.3)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    assert (await ask(port, get())).startswith(b"HTTP/1.1 200 OK")
    for reader, writer in silent:
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_more_connections_than_there_may_be_are_closed(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(module._MOST_CONNECTIONS)]
    await asyncio.sleep(0.1)
    assert not await answers(port)
    for _, writer in held:
        writer.close()
    async with asyncio.timeout(60):
        while not await answers(port):  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.05)


async def test_callers_that_leave_early_are_no_matter(port: int) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get())
        transport_socket = writer.get_extra_info("socket")
        transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()
    assert (await ask(port, get())).startswith(b"HTTP/1.1 200 OK")


async def test_it_closes_under_open_connections(registry: CollectorRegistry) -> None:
    endpoint = MetricsEndpoint("[::1]:0" if socket.has_ipv6 else "127.0.0.1:0", registry)
    try:
        port = await endpoint.start()
    except OSError:
        pytest.skip("no IPv6 here")
    reader, writer = await asyncio.open_connection("::1", port)
    await asyncio.sleep(0.05)
    async with asyncio.timeout(60):
        await endpoint.close()
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(OSError):  # noqa: PT011 - refused, in whatever words
        await asyncio.open_connection("::1", port)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.0.0.1:x", ":", "no.such.host.invalid:1", "127.0.0.1:70000"]
)
async def test_an_address_that_cannot_be_is_named(registry: CollectorRegistry, address: str) -> None:
    endpoint = MetricsEndpoint(address, registry)
    with pytest.raises(OSError, match=address.replace("[", ".")):
        await endpoint.start()


async def test_a_port_that_is_taken_is_named(registry: CollectorRegistry, port: int) -> None:
    with pytest.raises(OSError, match=f"127.0.0.1:{port}"):
        await MetricsEndpoint(f"127.0.0.1:{port}", registry).start()


async def test_a_page_of_any_size_lets_others_have_their_turn() -> None:
    registry = CollectorRegistry()
    for index in range(50):
        family = Counter(f"amira_c{index}", "Many.", ["label"], registry=registry)
        for value in range(50):
            family.labels(str(value)).inc()
    endpoint = MetricsEndpoint("127.0.0.1:0", registry)
    port = await endpoint.start()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    before = turns
    answer = await ask(port, get())
    assert answer.count(b"\n") > 2500
    assert turns - before >= 50
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await endpoint.close()
