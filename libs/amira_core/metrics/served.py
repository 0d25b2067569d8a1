"""Metrics for as long as a service runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amira_core.metrics.endpoint import MetricsEndpoint
from amira_core.metrics.event_loop import LoopWatch
from amira_core.metrics.process import ProcessReadings
from amira_core.metrics.registry import REGISTRY, reading


@asynccontextmanager
async def served(service: str, address: str) -> AsyncIterator[None]:
    """Serves this process's metrics on `address` (``host:port``); empty: not at all.

    Raises:
        OSError: the address is taken or none of this machine's.
    """
    if not address:
        yield
        return
    endpoint = MetricsEndpoint(address, REGISTRY)
    await endpoint.start()
    process, loop_watch = ProcessReadings(service), LoopWatch()
    try:
        with reading(process.read):
            yield
    finally:
        loop_watch.close()
        process.close()
        await endpoint.close()
