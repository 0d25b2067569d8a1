"""The speed targets, one by one, with what this machine reaches: `make bench`.

    python -m benchmarks [--minutes 30] [--seconds 60] [--results benchmarks/results]

Takes about three minutes and wants the machine to itself. Single figures: benchmarks/latency.py,
long_stream.py, fbank.py, audio_stages.py, each with --help.
"""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import latency, long_stream
from benchmarks.report import write

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Target:
    """What is wanted, and what was measured."""

    name: str
    wanted: str
    measured: str
    reached: bool


def fbank_target(results: Path) -> Target:
    """Features against kaldi-native-fbank, fed in 100 ms pieces, CPU time."""
    out = results / "fbank.json"
    subprocess.run([sys.executable, "-m", "benchmarks.fbank", "--out", str(out)], check=True)
    rows = json.loads(out.read_text())["results"]
    ratio = next(row["times_faster_than_kaldi"] for row in rows if row["pieces"] == "100 ms")
    return Target("fbank, times kaldi-native-fbank's speed", "above 1", f"{ratio:.1f}", ratio > 1)


def latency_targets(seconds: float, results: Path) -> list[Target]:
    """Server latency of one paced stream, for each search."""
    targets = []
    for method in ("k2", "beam", "greedy"):
        figures: dict[str, Any] = asyncio.run(latency.measure(1, seconds, method, None))
        write(results / f"latency_{method}.json", figures)
        p50 = figures["server_latency_ms"]["p50"]
        targets.append(
            Target(f"server latency p50, one stream, {method}", "below 15 ms", f"{p50} ms", p50 < 15)
        )
    return targets


def long_stream_targets(minutes: int, results: Path) -> list[Target]:
    """Cost and memory over one unbroken stream."""
    figures: dict[str, Any] = asyncio.run(long_stream.measure(minutes, "k2", True, None))
    write(results / "long_stream.json", figures)
    ratio = figures["end_to_first_minute"]
    begin, end = figures["memory_mib_first_minute"], figures["memory_mib_end"]
    growth_mib = sum(end.values()) - sum(begin.values())
    return [
        Target(f"cost of minute {minutes} to minute 1", "at most 1.1", f"{ratio}", ratio <= 1.1),
        Target(f"memory growth over {minutes} min", "flat", f"{growth_mib:+.1f} MiB", growth_mib < 20),
    ]


def main(
    seconds: Annotated[float, typer.Option(help="Measured speech per latency figure.")] = 40,
    minutes: Annotated[int, typer.Option(help="Length of the long stream.")] = 30,
    results: Annotated[Path, typer.Option(help="Folder for raw figures and the table.")] = RESULTS,
) -> None:
    """Measures every target and prints a table."""
    targets = [
        fbank_target(results),
        *latency_targets(seconds, results),
        *long_stream_targets(minutes, results),
    ]
    rows = [f"| {t.name} | {t.wanted} | {t.measured} | {'yes' if t.reached else 'no'} |" for t in targets]
    head = ["| target | wanted | measured | reached |", "|---|---|---|---|"]
    table = "\n".join([f"Measured on {platform.processor() or platform.machine()}.", "", *head, *rows]) + "\n"
    (results / "targets.md").write_text(table)
    print(table)


if __name__ == "__main__":
    typer.run(main)
