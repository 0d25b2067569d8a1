"""Plots of a run as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

from benchmarks.load.ramp import within_budget

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "amira"  # the same figures give the same file
matplotlib.rcParams["svg.fonttype"] = "none"

from matplotlib import pyplot  # noqa: E402 - the backend comes first

_SIZE_INCHES = (7.0, 4.0)


def draw(results: Mapping[str, Any], folder: Path, name: str) -> list[Path]:
    """Latency against streams, and CPU by process; returns the files."""
    drawn = []
    if any(system.get("levels") for system in results["systems"].values()):
        drawn.append(_latency(results, folder / f"{name}-latency.svg"))
    if any(key.startswith("amira") and system.get("levels") for key, system in results["systems"].items()):
        drawn.append(_cpu(results, folder / f"{name}-cpu.svg"))
    return drawn


def _latency(results: Mapping[str, Any], path: Path) -> Path:
    figure, axes = pyplot.subplots(1, 2, figsize=_SIZE_INCHES, sharey=True, layout="constrained")
    for axis, key, title in (
        (axes[0], "partial_latency_ms", "words, p99"),
        (axes[1], "final_latency_ms", "last word of a stream, p99"),
    ):
        for system in results["systems"].values():
            points = [
                (level["carried"], level[key]["p99"])
                for level in system.get("levels", ())
                if level[key]["p99"] is not None
            ]
            if points:
                axis.plot(*zip(*sorted(points), strict=True), marker="o", markersize=3, label=system["title"])
        axis.axhline(results["budget_ms"], color="grey", linestyle=":", linewidth=1)
        axis.set(title=title, xlabel="streams carried", yscale="log")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ms after the audio was due")
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=7, ncols=3, loc="outside lower center")
    return _save(figure, path)


def _cpu(results: Mapping[str, Any], path: Path) -> Path:
    """Stacked bars: every system at its highest level within the budget."""
    rows: list[tuple[str, dict[str, float]]] = []
    for system in results["systems"].values():
        levels = [level for level in system.get("levels", ()) if level["carried"]]
        kept = [level for level in levels if within_budget(level, results["budget_ms"])] or levels[:1]
        if kept:
            level = max(kept, key=lambda one: float(one["carried"]))
            cost = {process: 1000 * (value or 0.0) for process, value in level["cpu_s_per_stream_s"].items()}
            rows.append((f"{system['title']}\n{level['carried']:.0f} streams", cost))
    processes = list(dict.fromkeys(process for _, cost in rows for process in cost))
    figure, axis = pyplot.subplots(figsize=_SIZE_INCHES, layout="constrained")
    left = [0.0] * len(rows)
    for process in processes:
        widths = [cost.get(process, 0.0) for _, cost in rows]
        axis.barh([title for title, _ in rows], widths, left=left, label=process)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axis.invert_yaxis()
    axis.set_xlabel("CPU ms per second of one stream")
    axis.tick_params(axis="y", labelsize=7)
    figure.legend(fontsize=7, ncols=4, loc="outside lower center")
    return _save(figure, path)


def _save(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
