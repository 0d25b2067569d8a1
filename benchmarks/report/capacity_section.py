"""Capacity and cost as Markdown, and into docs/BENCHMARKS.md; the prose around them is by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.capacity.measured import Measured
from benchmarks.report.marks import replace_between
from benchmarks.report.tables import table

BEGIN = "<!-- capacity: written by `make bench-reports`, do not edit -->"
END = "<!-- end of capacity -->"


def write_document(measured: Measured, cost: Mapping[str, Any], fleet: Mapping[str, Any], path: Path) -> None:
    """Replaces the section. Raises ValueError when the document has lost its marks."""
    replace_between(path, BEGIN, END, markdown(measured, cost, fleet))


def markdown(measured: Measured, cost: Mapping[str, Any], fleet: Mapping[str, Any]) -> str:
    """What was measured, what it costs and what a fleet needs."""
    cheapest = min(cost["machines"], key=lambda machine: float(machine["usd_per_minute"]))
    services = [service["usd_per_minute"] for service in cost["services"]]
    hosted = f"; hosted services: {min(services):.3f} to {max(services):.3f}" if services else ""
    return "\n\n".join(
        [
            f"From the full run of {measured.date}: {measured.streams} streams on {measured.cpus} cores as "
            f"separate services, {cost['streams_per_core']:g} a core.",
            f"A stream-hour costs {60 * cheapest['usd_per_minute']:.3f} USD on a cloud machine "
            f"({cheapest['name']}, {cheapest['cores']} cores) at list price with "
            f"{100 * cost['filled']:.0f} % of its places in use "
            f"({cheapest['usd_per_minute']:.5f} USD a minute of audio{hosted}).",
            fleet_table(fleet),
            f"Pods of {measured.cpus} cores with {fleet['streams_per_pod']} places, streams of "
            f"{fleet['answers'][0]['plan']['mean_stream_s'] / 60:g} minutes.",
        ]
    )


def fleet_table(fleet: Mapping[str, Any]) -> str:
    """The simulator's answers, for all cells together."""
    rows = [
        [
            f"{one['streams']:,}" + (f" ({one['cells']} cells)" if one["cells"] > 1 else ""),
            one["case"],
            f"{one['pods_steady'] * one['cells']:,.0f}",
            f"{one['pods_most'] * one['cells']:,}",
            f"{100 * one['filled']:.0f} %",
            f"{100 * one['refused'] / one['arrived']:.1f} %",
            f"{one['moved'] * one['cells']:,}",
            f"{one['lost'] * one['cells']:,}",
            f"{one['longest_wait_s']:.1f} s",
        ]
        for one in fleet["answers"]
    ]
    head = [
        "streams at once", "case", "pods, steady", "pods, most", "filled", "refused", "streams moved", "lost",
        "longest wait",
    ]  # fmt: skip
    return table(head, rows)
