"""Jaeger beside a stack, and its traces as text."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
from pathlib import Path

import pytest
from rich.console import Console

from amira_local import jaeger as module
from amira_local.jaeger import Jaeger, JaegerError, JaegerPorts, beside_jaeger, find_jaeger
from amira_local.options import StackOptions
from amira_local.trace_view import ReadSpan, TraceReadError, read_trace, report_trace, show_trace

needs_jaeger = pytest.mark.skipif(
    find_jaeger() is None, reason="no Jaeger here: `make jaeger-build` builds it, where Go is installed"
)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def console() -> Console:
    """One that keeps what is printed."""
    return Console(file=io.StringIO(), width=200)


async def test_without_the_program_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUILT", Path("/nowhere/jaeger"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(JaegerError, match="make jaeger"):
        await Jaeger().start()


@needs_jaeger
async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = JaegerPorts.free()
        with pytest.raises(JaegerError, match=str(port)):
            await Jaeger(JaegerPorts(free.ui, free.query, free.health, port, free.otlp_http)).start()


@needs_jaeger
async def test_it_answers_and_ends(console: Console) -> None:
    async with Jaeger(JaegerPorts.free()) as jaeger:
        assert await asyncio.to_thread(read_trace, jaeger.url, "0" * 31 + "1") == []
        with pytest.raises(TraceReadError, match="trace id"):
            await asyncio.to_thread(read_trace, jaeger.url, "nonsense")
        pid = jaeger._process.pid  # type: ignore[union-attr]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(TraceReadError, match="make jaeger"):
        await asyncio.to_thread(read_trace, jaeger.url, "1")
    await report_trace("", {}, console)
    assert printed(console) == ""


@needs_jaeger
async def test_a_stack_runs_beside_it_and_learns_where_it_is(console: Console) -> None:
    seen: dict[str, str] = {}

    async def run(options: StackOptions) -> int:
        seen.update(options.env)
        assert await asyncio.to_thread(read_trace, options.env["AMIRA_JAEGER_URL"], "1") == []
        return 7

    options = StackOptions(ephemeral_ports=True, env={"A": "b"})
    assert await beside_jaeger(options, run, console) == 7
    assert seen["A"] == "b"
    assert seen["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("http://127.0.0.1:")
    assert seen["AMIRA_JAEGER_URL"] in printed(console)


@needs_jaeger
async def test_one_that_is_killed_is_noticed() -> None:
    async with Jaeger(JaegerPorts.free()) as jaeger:
        os.kill(jaeger._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        assert await jaeger.wait() == -signal.SIGKILL


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:1", ""])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(TraceReadError, match="no address"):
        read_trace(url, "1")


def test_a_trace_as_text(console: Console) -> None:
    def span(span_id: str, parent_id: str, start_us: int, duration_us: int, **attributes: object) -> ReadSpan:
        events = [("moved", start_us + 500, {"amira.service": "decoder"})] if span_id == "b" else []
        links = [("t2", "s2")] if span_id == "c" else []
        return ReadSpan(
            "amira-gateway",
            f"x/{span_id}",
            span_id,
            parent_id,
            start_us,
            duration_us,
            attributes,
            events,
            links,
        )

    show_trace(
        [
            span("c", "b", 5_000, 1_000, error=True, **{"error.type": "DECODER_LOST"}),
            span("a", "elsewhere", 0, 10_000, **{"amira.audio_s": 1.5, "rpc.system": "grpc"}),
            span("b", "a", 1_000, 8_000),
        ],
        console,
    )
    first, second, third = printed(console).splitlines()
    assert "10.0 ms  gateway a  audio_s=1.5" in first
    assert "rpc.system" not in first
    assert "8.0 ms    gateway b  [moved at 2 ms service=decoder]" in second
    assert "1.0 ms      gateway c  DECODER_LOST  → t2/s2" in third
    assert third.startswith(" " * 11)
