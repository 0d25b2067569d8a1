"""Decoders come and go by the cluster's rule while people speak: `python -m benchmarks.autoscaling`.

    python -m benchmarks.autoscaling [--faster 120] [--slots 2] [--most 3]

The rule is that of the manifest (HorizontalPodAutoscaler amira-decoder), its times divided by `--faster`.
Exit status 1 if a stream was cut or a word is not as it would have been.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import yaml

from amira_local.options import default_model_dir
from benchmarks.autoscaling.formula import Rule
from benchmarks.autoscaling.run import Options, Report, run

MANIFEST = Path(__file__).resolve().parents[2] / "deploy/kubernetes/base/decoder/autoscaler.yaml"
METRIC = "amira_decoder_slots_share"


def rule(faster: float, least: int, most: int) -> Rule:
    """The manifest's rule for slots, quicker and smaller."""
    read = Rule.read(yaml.safe_load(MANIFEST.read_text()), METRIC, faster)
    return replace(read, least=least, most=most)


def main(
    faster: Annotated[float, typer.Option(min=1, help="The rule's times are divided by this.")] = 120.0,
    slots: Annotated[int, typer.Option(min=1, help="Slots of each decoder.")] = 2,
    least: Annotated[int, typer.Option(min=1, help="Decoders at the start and the end.")] = 1,
    most: Annotated[int, typer.Option(min=1, help="Most decoders.")] = 3,
    streams: Annotated[int, typer.Option(min=1, help="Streams at once, at most.")] = 5,
) -> None:
    """Show decoders being added and removed under streams, and that nobody notices."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    options = Options(rule(faster, least, most), slots, streams)
    report = asyncio.run(run(options, default_model_dir(), say))
    _print(report)
    if not all(outcome.is_right for outcome in report.outcomes):
        raise typer.Exit(1)


def _print(report: Report) -> None:
    print(f"\ndecoders wanted: {' -> '.join(map(str, report.counts))}")
    for outcome in report.outcomes:
        speaker = outcome.speaker
        waited = f", let in after {speaker.refusals} refusals" if speaker.refusals else ""
        right = f"{len(speaker.words)} words, all right" if outcome.is_right else ""
        print(f"  {speaker.name}: {right or speaker.failure or outcome.changes or 'no words'}{waited}")
    print(f"streams moved to another decoder: {report.moves}")


if __name__ == "__main__":
    typer.run(main)
