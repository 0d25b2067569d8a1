"""What services export, read over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from amira_core.metrics.metric import Metric
from amira_core.metrics.schema import Common

_TIMEOUT_S = 2.0
_MOST_BYTES = 16 * 1024 * 1024

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """One service's metrics at one moment.

    Attributes:
        address: ``host:port`` that they came from.
        read_at: monotonic seconds.
        values: name of the sample -> its labels, sorted -> its value.
        problem: why there are none; empty where there are.
    """

    address: str
    read_at: float
    values: dict[str, dict[Labels, float]]
    problem: str = ""

    @property
    def service(self) -> str:
        """Which service this is; empty where that is not known."""
        labels = next(iter(self.values.get(Common.BUILD.series, {})), ())
        return dict(labels).get("service", "")

    def value(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """The sum over all series with these labels; `suffix` as in ``_count``."""
        wanted = labels.items()
        series = self.values.get(metric.series + suffix, {})
        return sum(value for each, value in series.items() if not wanted or wanted <= dict(each).items())

    def by(self, metric: Metric, label: str) -> dict[str, float]:
        """The values of a metric, summed by one of its labels."""
        sums: dict[str, float] = {}
        for labels, value in self.values.get(metric.series, {}).items():
            name = dict(labels).get(label, "")
            sums[name] = sums.get(name, 0.0) + value
        return sums

    def buckets(self, metric: Metric, **labels: str) -> dict[float, float]:
        """Upper bound -> observations up to it, over all series with these labels."""
        counts: dict[float, float] = {}
        for each, value in self.values.get(f"{metric.series}_bucket", {}).items():
            found = dict(each)
            bound = float(found.pop("le"))
            if labels.items() <= found.items():
                counts[bound] = counts.get(bound, 0.0) + value
        return counts


async def read_pages(addresses: Iterable[str]) -> list[Page]:
    """Asks all at once; one that does not answer gets a page with its problem."""
    return await asyncio.gather(*(asyncio.to_thread(read_page, address) for address in addresses))


def read_page(address: str) -> Page:
    """Asks one service. Never raises: whatever goes wrong is the page's problem."""
    now = time.monotonic()
    try:
        with urlopen(f"http://{address}/metrics", timeout=_TIMEOUT_S) as response:
            text = response.read(_MOST_BYTES).decode()
        return Page(address, time.monotonic(), parse(text))
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return Page(address, now, {}, str(getattr(reason, "strerror", None) or reason))


def parse(text: str) -> dict[str, dict[Labels, float]]:
    """Reads the text format. Raises ValueError for what is none."""
    values: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return values
