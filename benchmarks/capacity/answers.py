"""Raw answers, as benchmarks/results keeps them: costs, and fleets undisturbed and disturbed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from benchmarks.capacity.cost import stream_costs
from benchmarks.capacity.fleet import Answer, Fleet, Plan
from benchmarks.capacity.prices import Prices

FILLED = 0.6
"""Share of the places that is in use on average, unless somebody says otherwise."""
STREAMS = (10_000, 1_000_000)
CELL = 20_000
"""Streams beyond which a fleet is made of equal cells, of which one is simulated."""


def cost_figures(prices: Prices, streams_per_core: float, filled: float = FILLED) -> dict[str, Any]:
    """Costs of machines and services. Raises ValueError: a share or rate that cannot be."""
    costs = stream_costs(prices.machines, streams_per_core, filled)
    return {
        "streams_per_core": streams_per_core,
        "filled": filled,
        "machines": [
            {**each.machine.model_dump(mode="json"), "usd_per_minute": round(each.usd_per_minute, 6)}
            for each in costs
        ],
        "services": [service.model_dump(mode="json") for service in prices.services],
    }


def fleet_figures(
    streams_per_pod: int,
    streams: Sequence[int] = STREAMS,
    mean_stream_s: float = 180.0,
    cell: int = CELL,
    seed: int = 1,
) -> dict[str, Any]:
    """Simulates every case for every number of streams. Counts are of one cell."""
    raw = []
    for wanted in streams:
        cells = max(1, -(-wanted // cell))
        base = Plan(wanted / cells, streams_per_pod, mean_stream_s=mean_stream_s, seed=seed)
        for name, plan in _cases(base):
            raw.append({"streams": wanted, "cells": cells, "case": name, **_figures(Fleet(plan).run())})
    return {"streams_per_pod": streams_per_pod, "answers": raw}


def _cases(base: Plan) -> Sequence[tuple[str, Plan]]:
    at_s = base.ramp_s + base.steady_s / 3
    return [
        ("undisturbed", base),
        ("a zone of three lost", replace(base, zone_lost_at_s=at_s)),
        ("the same, filled to 60 %", replace(base, zone_lost_at_s=at_s, target_filled=0.6)),
        ("the same, four zones", replace(base, zone_lost_at_s=at_s, target_filled=0.6, zones=4)),
    ]


def _figures(answer: Answer) -> dict[str, Any]:
    return {
        "plan": asdict(answer.plan),
        "arrived": answer.arrived,
        "refused": answer.refused,
        "moved": answer.moved,
        "lost": answer.lost,
        "longest_wait_s": round(answer.longest_wait_s, 2),
        "pods_steady": round(answer.steady_pods, 1),
        "pods_most": answer.most_pods,
        "filled": round(answer.steady_filled, 3),
    }
