"""Tracing turned on in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from amira_core.tracing.process import configure_tracing, end_tracing
from amira_core.tracing.settings import TracingSettings
from tests.support.otlp import Collector, collecting

TraceTo = Callable[..., None]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that takes what it is sent."""
    with collecting() as running:
        yield running


@pytest.fixture
def trace_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceTo]:
    """``trace_to(port, **settings)`` turns tracing on; it is off after the test."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")

    def turn_on(port: int, **settings: Any) -> None:
        endpoint = f"http://127.0.0.1:{port}"
        configure_tracing("amira-test", TracingSettings(otel_exporter_otlp_endpoint=endpoint, **settings))

    yield turn_on
    end_tracing()
