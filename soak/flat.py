"""Whether a quantity grew: the late samples against the early ones, and what is left when all is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from soak.watch import DESCRIPTORS, MEMORY, ORPHANS, PLACES, SLOTS, TASKS, THREADS, Sample

_SETTLED = 0.25
"""Share of the run in which caches and pools fill."""

ALLOWED_PER_HOUR = {MEMORY: 16.0, DESCRIPTORS: 4.0, THREADS: 2.0, TASKS: 6.0}
"""Growth of medians over the part that counts, scaled to an hour; memory in MiB."""
_NOISE = {MEMORY: 6.0, DESCRIPTORS: 6.0, THREADS: 2.0, TASKS: 12.0}
"""What a quantity varies by anyway, with streams that come and go."""
LEFT_OVER = {DESCRIPTORS: 6.0, THREADS: 4.0, TASKS: 3.0, SLOTS: 0.0, PLACES: 0.0, ORPHANS: 0.0}
"""How much more there may be when the last stream is gone than before the first came."""


@dataclass(frozen=True)
class Trend:
    """One quantity of one service."""

    service: str
    quantity: str
    before: float
    """Before the first stream."""
    early: float
    """Median of the samples soon after the settling."""
    late: float
    """Median of the last samples."""
    after: float
    """When all streams are gone."""
    hours: float
    """Between early and late."""

    @property
    def grew(self) -> bool:
        """Whether it is not flat."""
        allowed = ALLOWED_PER_HOUR.get(self.quantity)
        if allowed is not None and self.late - self.early > max(allowed * self.hours, _NOISE[self.quantity]):
            return True
        left = LEFT_OVER.get(self.quantity)
        return left is not None and self.after - self.before > left


def trends(before: Sample, samples: Sequence[Sample], after: Sample) -> list[Trend]:
    """Every quantity of every service. Raises ValueError when there are fewer than eight samples."""
    settled = list(samples[int(len(samples) * _SETTLED) :])
    if len(samples) < 8:
        raise ValueError(f"only {len(samples)} samples: run for longer, or sample more often")
    part = len(settled) // 3
    early, late = settled[:part], settled[-part:]
    hours = (_middle(late) - _middle(early)) / 3600
    return [
        Trend(
            service,
            quantity,
            before.readings[service, quantity],
            _median(early, service, quantity),
            _median(late, service, quantity),
            after.readings[service, quantity],
            hours,
        )
        for service, quantity in before.readings
    ]


def _middle(samples: Sequence[Sample]) -> float:
    return median(sample.at_s for sample in samples)


def _median(samples: Sequence[Sample], service: str, quantity: str) -> float:
    return median(sample.readings[service, quantity] for sample in samples)
