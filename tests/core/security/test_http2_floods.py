"""Connections that flood the server with HTTP/2 frames, or never finish one: others are served meanwhile."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from amira_core.rpc.channel import open_channel
from tests.core.security.echo import call, echo
from tests.support.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    frames_in,
    grpc_headers,
    header,
)

ROOT = Path(__file__).resolve().parents[3]
MANY = grpc_headers("/test.Echo/Many")
ENHANCE_YOUR_CALM = struct.pack(">I", 11)
MOST_BYTES = 20_000_000
MOST_GROWTH_MB = 150


def endless_headers() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, MANY)
    while True:
        yield frame(CONTINUATION, 0, 1, header(b"x-a", b"v" * 100) * 20)


def empty_continuations() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, MANY)
    while True:
        yield frame(CONTINUATION, 0, 1) * 100


def pings() -> Iterator[bytes]:
    while True:
        yield frame(PING, 0, 0, b"12345678") * 100


def settings() -> Iterator[bytes]:
    while True:
        yield frame(SETTINGS, 0, 0) * 100


def priorities() -> Iterator[bytes]:
    while True:
        yield frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") * 100


def windows() -> Iterator[bytes]:
    yield frame(HEADERS, END_HEADERS, 1, MANY)
    while True:
        yield frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 100


def empty_data() -> Iterator[bytes]:
    yield frame(HEADERS, END_HEADERS, 1, MANY)
    while True:
        yield frame(DATA, 0, 1) * 100


def calls_taken_back() -> Iterator[bytes]:
    """Rapid reset: calls that are cancelled as soon as they begin, so that no bound on open ones counts."""
    for first in range(1, 2**30, 40):
        yield b"".join(
            frame(HEADERS, END_HEADERS, stream, MANY) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
            for stream in range(first, first + 40, 2)
        )


def calls_left_open() -> Iterator[bytes]:
    for first in range(1, 2**30, 40):
        yield b"".join(frame(HEADERS, END_HEADERS, stream, MANY) for stream in range(first, first + 40, 2))


@dataclass
class Flood:
    """What one connection sent and got."""

    sent: int = 0
    ended: bool = False
    """Whether the server closed it."""
    received: bytearray = field(default_factory=bytearray)

    def got(self, kind: int) -> list[bytes]:
        return [payload for each, _, payload in frames_in(bytes(self.received)) if each == kind]


async def flood(target: str, content: Iterator[bytes], awaited: Callable[[Flood], bool] | None) -> Flood:
    """Sends until the server hangs up, takes no more for a while, or has had enough; then waits."""
    host, port = target.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE + frame(SETTINGS, 0, 0))
    done = Flood()

    async def read() -> None:
        try:
            while block := await reader.read(65_536):
                if len(done.received) < 1_000_000:
                    done.received += block
        except ConnectionError:
            pass
        done.ended = True

    reading = asyncio.create_task(read())
    try:
        for block in content:
            writer.write(block)
            done.sent += len(block)
            async with asyncio.timeout(1 if awaited is None else 30):
                await writer.drain()
            await asyncio.sleep(0)
            if reading.done() or done.sent > MOST_BYTES:
                break
    except (ConnectionError, TimeoutError):
        pass
    if awaited is None:
        await asyncio.wait([reading], timeout=0.3)
    else:
        async with asyncio.timeout(60):
            while not awaited(done):  # noqa: ASYNC110 - what was received tells nobody
                await asyncio.sleep(0.01)
    reading.cancel()
    writer.transport.abort()
    return done


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """Target and process id."""
    command = [sys.executable, "-m", "tests.core.security.echo_program"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        target = next(line.split()[1] for line in process.stdout if line.startswith("target"))
        try:
            yield target, process.pid
        finally:
            process.kill()


def turned_back(done: Flood) -> bool:
    """Whether the server refused one of its calls because there were too many."""
    return ENHANCE_YOUR_CALM in done.got(RST_STREAM)


def resident_mb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        (endless_headers, False),
        (empty_continuations, True),
        (pings, False),  # or a GOAWAY, whichever comes first: grpc stops reading until its answers are read
        (settings, False),
        (priorities, False),
        (windows, False),
        (empty_data, True),
        (calls_taken_back, False),
        (calls_left_open, False),
    ],
)
async def test_floods(server: tuple[str, int], content: object, ends: bool) -> None:
    assert callable(content)
    target, pid = server
    before = resident_mb(pid)
    many_calls = content in (calls_taken_back, calls_left_open)
    awaited = turned_back if many_calls else (lambda done: done.ended) if ends else None
    async with open_channel(target) as channel:
        assert await call(channel) == b"hello"
        flooding = asyncio.create_task(flood(target, content(), awaited))
        served, turned_away = 0, []
        while not flooding.done():
            try:
                assert await call(channel) == b"hello"
                served += 1
            except grpc.aio.AioRpcError as failure:
                turned_away.append(failure.code())
            await asyncio.sleep(0.01)
        await flooding
        assert await call(channel) == b"hello"
    assert served
    # grpc turns away some of all new calls while thousands wait for the server to take them.
    assert set(turned_away) <= ({grpc.StatusCode.CANCELLED} if many_calls else set())
    if sys.platform == "linux":
        assert resident_mb(pid) - before < MOST_GROWTH_MB


@pytest.mark.parametrize("sent", [frame(HEADERS, 0, 1, MANY), frame(HEADERS, END_HEADERS, 1, MANY)[:20], b""])
async def test_headers_that_never_end_are_no_call(sent: bytes) -> None:
    """The connection counts as idle: it is closed as one without calls."""
    async with echo(None, options=[("grpc.max_connection_idle_ms", 300)]) as target:
        host, port = target.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(PREFACE + frame(SETTINGS, 0, 0) + sent)
        received = b""
        async with asyncio.timeout(60):
            while block := await reader.read(65_536):
                received += block
        assert GOAWAY in [kind for kind, _, _ in frames_in(received)]
        writer.transport.abort()
