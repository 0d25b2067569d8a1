"""From declarations to prometheus_client: instruments for events, readings for what is kept anyway.

A process has one registry. Instruments live as long as it; readings as long as what they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from amira_core.metrics.metric import Kind, Metric
from amira_core.metrics.schema import OTHER

Family = CounterMetricFamily | GaugeMetricFamily
Reading = tuple[Metric, float] | tuple[Metric, float, tuple[str, ...]]
"""A counter's or gauge's value now, and the values of its labels."""
Readings = Callable[[], Iterable[Reading]]

InstrumentT = TypeVar("InstrumentT", bound=MetricWrapperBase)

# Prometheus does without them, and they make every scrape a third larger.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it says nothing of its types

REGISTRY: Final = CollectorRegistry()
"""Everything that this process exports."""


def counter(metric: Metric) -> Counter:
    """A counter for events. Declare each once per process, as a module's constant."""
    assert metric.kind is Kind.COUNTER
    instrument = Counter(metric.name, metric.help, metric.labels, unit=metric.unit, registry=REGISTRY)
    return _with_known_series(instrument, metric)


def histogram(metric: Metric) -> Histogram:
    """A histogram for events. Declare each once per process, as a module's constant."""
    assert metric.kind is Kind.HISTOGRAM
    instrument = Histogram(
        metric.name, metric.help, metric.labels, unit=metric.unit, buckets=metric.buckets, registry=REGISTRY
    )
    return _with_known_series(instrument, metric)


@contextmanager
def reading(read: Readings) -> Iterator[None]:
    """Exports what `read` gives, asked at each scrape, on the event loop: it must be quick and not raise."""
    collector = _ReadingsCollector(read)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


class BoundedLabel:
    """Tells the first `most` values of a label apart; all others become OTHER.

    For values that come from outside: each series costs memory here and in Prometheus, for good.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value


class _ReadingsCollector(Collector):
    def __init__(self, read: Readings) -> None:
        self._read = read

    def describe(self) -> Iterable[Family]:
        return ()  # nothing to compare names with before the first scrape

    def collect(self) -> Iterable[Family]:
        families: dict[str, Family] = {}
        for metric, value, *labels in self._read():
            family = families.get(metric.name)
            if family is None:
                kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
                family = kind(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
                families[metric.name] = family
            family.add_metric(labels[0] if labels else (), value)
        return families.values()


def _with_known_series(instrument: InstrumentT, metric: Metric) -> InstrumentT:
    if metric.labels and metric.values:
        for labels in product(*(metric.values[label] for label in metric.labels)):
            instrument.labels(*labels)
    return instrument
