"""The tables of a soak, and the same as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.tables import table
from soak.crowd import CrowdOutcome
from soak.flat import Trend
from soak.load import Tally
from soak.watch import Sample


@dataclass(frozen=True)
class Outcome:
    """What came of a soak."""

    minutes: float
    workers: int
    tally: Tally
    trends: Sequence[Trend]
    samples: Sequence[Sample]
    restarts: Sequence[str]
    """Services that died."""

    @property
    def clean(self) -> bool:
        """Whether nothing grew, no word changed, and nobody died or failed."""
        wrong = (self.tally.changed, self.tally.failures, self.restarts)
        return not any(wrong) and not any(trend.grew for trend in self.trends)


def summary(outcome: Outcome) -> str:
    """For people, as Markdown."""
    tally = outcome.tally
    fates = [[fate, str(count)] for fate, count in sorted(tally.streams.items())]
    rows = [
        [
            trend.service,
            trend.quantity,
            *(f"{value:.0f}" for value in (trend.before, trend.early, trend.late, trend.after)),
            "GREW" if trend.grew else "flat",
        ]
        for trend in outcome.trends
    ]
    return "\n\n".join(
        [
            f"### Soak of {outcome.minutes:g} minutes, {outcome.workers} streams at a time",
            table(["streams", ""], [*fates, ["refused", str(tally.refused)]]),
            f"{tally.audio_s / 60:.0f} minutes of audio, {tally.words} words compared, "
            f"{len(tally.changed)} recordings with other words, {len(tally.failures)} streams failed, "
            f"{len(outcome.restarts)} services died.",
            table(["service", "", "before", "early", "late", "after", ""], rows),
            _listed("Other words", tally.changed) + _listed("Failed", tally.failures)
            + _listed("Died", outcome.restarts),
        ]
    )  # fmt: skip


def write(folder: Path, outcome: Outcome) -> Path:
    """Writes the raw figures; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{outcome.minutes:g}-minutes.json"
    path.write_text(json.dumps(_figures(outcome), indent=1) + "\n", encoding="utf-8")
    return path


def crowd_summary(outcome: CrowdOutcome) -> str:
    """For people, as Markdown."""
    rows = [
        ["streams", str(outcome.streams)],
        ["killed without END", str(outcome.killed)],
        ["refused, and tried again", str(outcome.refusals)],
        ["slots used at most", str(outcome.most_slots_used)],
        ["words compared", str(outcome.words)],
        ["streams with other words", str(len(outcome.changed))],
        ["streams failed", str(len(outcome.failures))],
        *([f"left over, {name}", f"{value:g}"] for name, value in outcome.left_over.items()),
    ]
    return table(["crowd", ""], rows) + "\n\n" + _listed("Failed", outcome.failures)


def write_crowd(folder: Path, outcome: CrowdOutcome) -> Path:
    """Writes the raw figures; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"crowd-{outcome.streams}.json"
    figures = {"taken": datetime.now(UTC).isoformat(timespec="seconds"), "clean": outcome.clean}
    path.write_text(json.dumps(figures | asdict(outcome), indent=1) + "\n", encoding="utf-8")
    return path


def _figures(outcome: Outcome) -> dict[str, Any]:
    tally = outcome.tally
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": outcome.minutes,
        "streams_at_a_time": outcome.workers,
        "clean": outcome.clean,
        "streams": dict(tally.streams),
        "refused": tally.refused,
        "audio_s": round(tally.audio_s),
        "words_compared": tally.words,
        "changed": tally.changed,
        "failures": tally.failures,
        "died": list(outcome.restarts),
        "trends": [{**asdict(trend), "grew": trend.grew} for trend in outcome.trends],
        "samples": [
            {
                "at_s": round(sample.at_s),
                **{f"{s}: {q}": round(v, 1) for (s, q), v in sample.readings.items()},
            }
            for sample in outcome.samples
        ],
    }


def _listed(title: str, problems: Sequence[str]) -> str:
    return "".join(f"- {title}: {problem} ({count})\n" for problem, count in Counter(problems).items())
