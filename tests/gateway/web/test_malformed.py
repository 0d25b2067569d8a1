"""Requests that are hardly HTTP: an answer, and a log that quotes none of it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from amira_core.metrics.registry import REGISTRY
from tests.gateway.web.door import Web, serving

QUOTED = "not_for_the_log"
UPGRADE = "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


async def ask(web: Web, request: bytes) -> bytes:
    """The status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(request)
    async with asyncio.timeout(30):
        line = await reader.readline()
    writer.transport.abort()
    return line


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {QUOTED}\0\r\n\r\n".encode(),
        f"GET / HTTP/9.9\r\nAuthorization: Bearer {QUOTED}\r\n\r\n".encode(),
        f"GET /{QUOTED} \x01\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: a\r\n{QUOTED}\xff: b\r\n\r\n".encode("latin-1"),
    ],
)
async def test_what_cannot_be_parsed_is_refused_and_not_quoted(
    request_bytes: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving() as web:
        with caplog.at_level(logging.DEBUG):
            assert b" 400 " in await ask(web, request_bytes)
    written = "".join(capfd.readouterr()) + caplog.text
    assert QUOTED not in written
    assert "malformed_request" in written


@pytest.mark.parametrize(
    "header",
    [
        b"Sec-WebSocket-Version: \xff",
        b"Origin: https://\xff",
        b"X: \xff",
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xd8\x89",
    ],
)
async def test_a_header_that_is_not_utf8_is_the_clients_fault(header: bytes) -> None:
    async with serving() as web:
        before = REGISTRY.get_sample_value("amira_incidents_total")
        assert b" 400 " in await ask(web, UPGRADE.encode() + header + b"\r\n\r\n")
        assert REGISTRY.get_sample_value("amira_incidents_total") == before
