"""What the phases come to."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.load.measures import percentiles
from benchmarks.overload.phase import Phase


def quantiles(values: Sequence[float]) -> dict[str, float | None]:
    """p50, p99 and the largest; None where there are no values."""
    found = percentiles(values)
    return {name: found[name] for name in ("p50", "p99", "max")}


def of_phase(phase: Phase, expected_text: str) -> dict[str, Any]:
    """The figures of one phase. `expected_text`: the words of an undisturbed stream."""
    offered = phase.offered
    admitted = [heard for heard in offered if heard.admitted]
    refused = [heard for heard in offered if heard.refusal is not None]
    return {
        "offered": len(offered),
        "admitted": len(admitted),
        "refused": len(refused),
        "refusals_by_reason": dict(
            Counter(heard.refusal.reason for heard in refused if heard.refusal is not None)
        ),
        "refused_without_retry_info": sum(
            heard.refusal is not None and heard.refusal.retry_after_ms is None for heard in refused
        ),
        "running_at_once": round(phase.running, 1),
        "results": len(phase.delays_ms),
        "latency_ms": quantiles(phase.delays_ms),
        "refusal_ms": quantiles(phase.refusals_ms),
        "admitted_and_failed": sum(heard.failure is not None for heard in admitted),
        "admitted_with_other_words": sum(
            heard.failure is None and heard.text != expected_text for heard in admitted
        ),
        "latest_send_ms": round(1000 * max((heard.latest_send_s for heard in admitted), default=0.0), 1),
    }


def ratio(within: dict[str, Any], over: dict[str, Any], quantile: str) -> float | None:
    """Latency of admitted streams under overload to that within capacity."""
    after, before = over["latency_ms"][quantile], within["latency_ms"][quantile]
    return round(after / before, 3) if after and before else None


def median_ratio(by_round_ms: dict[str, list[float | None]]) -> float | None:
    """The same, as the median of what the rounds gave each by itself."""
    pairs = zip(by_round_ms["within"], by_round_ms["over"], strict=True)
    ratios = [after / before for before, after in pairs if before and after]
    return round(statistics.median(ratios), 3) if ratios else None
