"""Collectors that are gone, hang, or vanish and come back: nobody waits, and nobody is told twice."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
import structlog

from amira_core.tracing import process
from amira_core.tracing.process import end_tracing
from amira_core.tracing.quiet_logs import QuietLogs
from tests.core.tracing.conftest import TraceTo
from tests.support.otlp import Collector, collecting

MANY = 6000
"""More than the queue holds (2048)."""


def spans(count: int, name: str = "span") -> None:
    """Begins and ends spans."""
    assert process._tracing is not None
    for _ in range(count):
        process._tracing.tracer.start_span(name).end()


async def ticking(stop: asyncio.Event) -> int:
    """Counts turns of the event loop."""
    turns = 0
    while not stop.is_set():
        turns += 1
        await asyncio.sleep(0)
    return turns


@pytest.fixture
def port_of_nobody() -> int:
    """A port where nobody listens."""
    with collecting() as collector:
        return collector.grpc_port


@pytest.fixture
def hanging() -> Iterator[Collector]:
    """A collector that does not answer before the test is over."""
    let_go = threading.Event()
    with collecting(answer_after=let_go) as collector:
        yield collector
        let_go.set()


async def produce_beside_others(count: int) -> int:
    """Ends spans in pieces; returns how often the event loop turned for others meanwhile."""
    stop = asyncio.Event()
    others = asyncio.create_task(ticking(stop))
    for _ in range(count // 100):
        spans(100)
        await asyncio.sleep(0)
    stop.set()
    return await others


async def test_a_collector_that_is_gone(port_of_nobody: int, trace_to: TraceTo) -> None:
    trace_to(port_of_nobody)
    assert await produce_beside_others(MANY) >= MANY // 100
    end_tracing()


async def test_a_collector_that_hangs(hanging: Collector, trace_to: TraceTo) -> None:
    trace_to(hanging.grpc_port)
    assert await produce_beside_others(MANY) >= MANY // 100
    end_tracing()
    assert hanging.spans == []


async def test_what_waits_for_a_collector_is_bounded(hanging: Collector, trace_to: TraceTo) -> None:
    trace_to(hanging.grpc_port)
    spans(1, "first")
    await asyncio.to_thread(hanging.asked.wait, 60)  # the first export hangs now
    spans(MANY)
    assert process._tracing is not None
    queue = process._tracing._export._batch_processor._queue
    assert len(queue) == queue.maxlen < MANY


async def test_a_collector_that_vanishes_and_comes_back(trace_to: TraceTo) -> None:
    with collecting() as before:
        trace_to(before.grpc_port)
        spans(3, "before")
        await until(lambda: len(before.spans) == 3)
    spans(3, "meanwhile")
    with collecting(before.grpc_port) as after:
        # What was under way is tried again; what comes later arrives in any case.
        for _ in range(1200):
            spans(1, "after")
            await asyncio.sleep(0.05)
            if any(span.name == "after" for span in after.spans):
                break
        assert any(span.name == "after" for span in after.spans)


async def until(condition) -> None:  # type: ignore[no-untyped-def]  # any callable
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_the_last_spans_leave_at_the_end(collector: Collector, trace_to: TraceTo, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    trace_to(collector.grpc_port)
    spans(5)
    end_tracing()
    assert len(collector.spans) == 5


def test_problems_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("opentelemetry")
    before = (logger.handlers, logger.propagate)
    now = [0.0]
    quiet = QuietLogs(60.0, clock=lambda: now[0])
    quiet.install()
    try:
        with structlog.testing.capture_logs() as lines:
            for _ in range(100):
                logging.getLogger("opentelemetry.exporter.x").error("cannot export to %s", "there")
            now[0] = 61.0
            logging.getLogger("opentelemetry.sdk.y").warning("queue full")
            logging.getLogger("opentelemetry.sdk.y").info("nobody needs this")
    finally:
        logger.handlers, logger.propagate = before
    assert [(line["event"], line["problem"], line["left_out"]) for line in lines] == [
        ("traces_not_exported", "cannot export to there", 0),
        ("traces_not_exported", "queue full", 99),
    ]
    assert caplog.records == []  # nothing by other ways


async def test_a_dead_collector_is_one_line(port_of_nobody: int, trace_to: TraceTo, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with structlog.testing.capture_logs() as lines:
        trace_to(port_of_nobody)
        for _ in range(5):
            spans(10)
            await asyncio.sleep(0.05)
        await until(lambda: lines)
        end_tracing()
    assert [line["event"] for line in lines] == ["traces_not_exported"]
