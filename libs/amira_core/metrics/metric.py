"""What is declared of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """As Prometheus calls them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: without the `_total` that counters get; ends with the unit.
        kind: how its values move.
        help: one sentence for operators.
        unit: base unit, as OpenMetrics names it; empty for plain numbers.
        labels: names of its labels. None ever holds what people said, nor anything that a client can
            choose freely.
        values: label values that are known from the start; their series begin at 0, or a first event
            would not show as an increase.
        buckets: upper bounds of a histogram, without infinity.
        optional: why a service may have no series of it; empty: every service always has one.
    """

    name: str
    kind: Kind
    help: str
    unit: str = ""
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    optional: str = ""

    @property
    def series(self) -> str:
        """The name to ask Prometheus for; a histogram has it with `_bucket`, `_sum` and `_count`."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name
