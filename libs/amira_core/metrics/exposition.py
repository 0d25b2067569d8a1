"""All metrics as text, in slices that the event loop survives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_END_OF_OPENMETRICS: Final = b"# EOF\n"


async def expose(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The page for a request, in the format that its Accept header asks for.

    Between one metric and the next, everything else gets its turn: a page with thousands of series takes
    longer than a chunk may.

    Args:
        registry: what to show.
        accept: the header; OpenMetrics, which alone has exemplars, must be asked for.

    Returns:
        The page and its content type.
    """
    encode, content_type = choose_encoder(accept)
    parts: list[bytes] = []
    # Read in one go, so that the figures are of one moment.
    for family in list(_families(registry)):
        parts.append(_encoded(family, encode))
        await asyncio.sleep(0)
    if content_type.startswith("application/openmetrics-text"):
        parts.append(_END_OF_OPENMETRICS)
    return b"".join(parts), content_type


def _families(registry: CollectorRegistry) -> Iterator[Metric]:
    return iter(registry.collect())


def _encoded(family: Metric, encode: Callable[[Collector], bytes]) -> bytes:
    return encode(_One(family)).removesuffix(_END_OF_OPENMETRICS)


class _One(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)
