"""What a service exports, as Prometheus would read it."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from amira_core.metrics.metric import Kind, Metric

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


@dataclass(frozen=True)
class Scrape:
    """One page."""

    families: dict[str, Family]
    content_type: str
    text: str

    @classmethod
    def of(cls, address: str, accept: str = OPENMETRICS) -> Scrape:
        """Asks `address` (``host:port``) now."""
        request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - http, as it says
            text, content_type = response.read().decode(), response.headers["Content-Type"]
        parse = (
            openmetrics.text_string_to_metric_families
            if content_type.startswith("application/openmetrics-text")
            else text_string_to_metric_families
        )
        return cls({family.name: family for family in parse(text)}, content_type, text)

    def samples(self) -> Iterator[Sample]:
        """Every sample of the page."""
        for family in self.families.values():
            yield from family.samples

    def value(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """The sum over all series that have these labels.

        `suffix`: of a histogram's sample, such as ``_count``.
        """
        name = metric.series + suffix if metric.kind is Kind.HISTOGRAM else metric.series
        return sum(
            sample.value
            for sample in self.families[metric.name].samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def count(self, metric: Metric, **labels: str) -> float:
        """How many observations a histogram has."""
        return self.value(metric, "_count", **labels)


class Growth:
    """By how much values grew between two pages."""

    def __init__(self, before: Scrape, after: Scrape) -> None:
        self._before, self._after = before, after

    def value(self, metric: Metric, suffix: str = "", **labels: str) -> float:
        """As :meth:`Scrape.value`."""
        grown = self._after.value(metric, suffix, **labels) - self._before.value(metric, suffix, **labels)
        return round(grown, 6)

    def count(self, metric: Metric, **labels: str) -> float:
        """As :meth:`Scrape.count`."""
        return self.value(metric, "_count", **labels)
