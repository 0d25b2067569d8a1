"""The tables of a run, and the same as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.recovery import percentile
from chaos.run import Outcome
from chaos.schedule import Fault, Plan, kind_of
from evaluation.tables import table

_MOST_PROBLEMS = 8
"""Shown of one stream; the raw figures hold all."""


def schedule_table(faults: Sequence[Fault]) -> str:
    """What is going to happen."""
    return table(["at", "fault"], [[f"{fault.at_s:.1f} s", str(fault)] for fault in faults])


def summary(outcome: Outcome, plan: Plan) -> str:
    """Everything that a reader wants to know, as Markdown."""
    parts = [
        f"### Seed {plan.seed}, {plan.seconds:g} s\n\n{_totals(outcome)}",
        f"### Streams\n\n{_streams(outcome)}",
        f"### Faults\n\n{_faults(outcome)}\n\n{_RECOVERY_NOTE}",
        _defects(outcome),
        _logged(outcome),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


_RECOVERY_NOTE = (
    "Hit: streams that moved to another replica or whose results came 0.3 s or more late. Recovery: from the "
    "fault to the next result, less what that takes undisturbed; during faults that last, the longest wait."
)


_LOGGED_NOTE = (
    "They name what the faults did. A `traceback` or `unexpected_error` is a defect, even where every "
    "stream is clean."
)


def write(folder: Path, outcome: Outcome, plan: Plan) -> Path:
    """Writes the raw figures; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed-{plan.seed}{suffix(plan)}.json"
    path.write_text(json.dumps(figures(outcome, plan), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def suffix(plan: Plan) -> str:
    """What is asked for besides, as part of a file's name."""
    gateways = any(kind_of(name) == "gateway" for name in plan.replicas)
    extras = {"gateways": gateways, "swaps": plan.swaps, "outages": plan.outages}
    return "".join(f"-{name}" for name, asked in extras.items() if asked)


def figures(outcome: Outcome, plan: Plan) -> dict[str, Any]:
    """The raw figures; they name nothing of the machine but its CPUs."""
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "seed": plan.seed,
        "seconds": plan.seconds,
        "clean": outcome.clean,
        "totals": dict(zip(_TOTALS, _total_cells(outcome), strict=True)),
        "streams": [asdict(verdict) for verdict in outcome.verdicts],
        "faults": [
            {
                "at_s": round(injected.at_s, 2),
                "fault": str(injected.fault),
                "note": injected.note,
                "recovery_s": {one.stream: round(one.seconds, 3) for one in hit_streams},
            }
            for injected, hit_streams in zip(outcome.injected, outcome.recoveries, strict=True)
        ],
        "deaths": outcome.deaths,
        "slots_leaked": outcome.leaks,
        "stuck": outcome.stuck,
        "error_events": dict(outcome.error_events),
    }


_TOTALS = (
    "streams",
    "streams failed",
    "faults",
    "words",
    "words lost",
    "words doubled",
    "words moved or changed",
    "other differences",
    "recovery p50",
    "recovery p99",
)


def _totals(outcome: Outcome) -> str:
    return table(_TOTALS, [_total_cells(outcome)])


def _total_cells(outcome: Outcome) -> list[str]:
    verdicts = outcome.verdicts
    changes = [verdict.changes for verdict in verdicts]
    seconds = [one.seconds for hit_streams in outcome.recoveries for one in hit_streams]
    return [
        str(len(verdicts)),
        str(sum(bool(verdict.failure) for verdict in verdicts)),
        str(len(outcome.injected)),
        str(sum(verdict.words for verdict in verdicts)),
        str(sum(len(change.lost) for change in changes)),
        str(sum(len(change.doubled) for change in changes)),
        str(sum(len(change.moved) + len(change.changed) for change in changes)),
        str(sum(len(verdict.problems) for verdict in verdicts)),
        *_recovery_cells(seconds),
    ]


def _streams(outcome: Outcome) -> str:
    rows = [
        [
            verdict.name,
            str(verdict.words),
            str(len(verdict.changes.lost)),
            str(len(verdict.changes.doubled)),
            str(len(verdict.changes.moved) + len(verdict.changes.changed)),
            str(len(verdict.problems)),
            "failed" if verdict.failure else "clean" if verdict.clean else "differs",
        ]
        for verdict in outcome.verdicts
    ]
    return table(["stream", "words", "lost", "doubled", "moved or changed", "other differences", ""], rows)


def _faults(outcome: Outcome) -> str:
    rows = []
    for injected, hit_streams in zip(outcome.injected, outcome.recoveries, strict=True):
        seconds = [one.seconds for one in hit_streams]
        at = f"{injected.at_s:.1f} s"
        moved = str(sum(one.moved for one in hit_streams))
        hit = str(len(hit_streams))
        rows.append([at, str(injected.fault), hit, moved, *_recovery_cells(seconds), injected.note])
    return table(["at", "fault", "streams hit", "moved", "recovery p50", "p99", ""], rows)


def _recovery_cells(seconds: Sequence[float]) -> list[str]:
    return [f"{percentile(seconds, q):.2f} s" if seconds else "" for q in (50, 99)]


def _defects(outcome: Outcome) -> str:
    """What is wrong, one line each."""
    lines = []
    for verdict in outcome.verdicts:
        changes = verdict.changes
        for what in ("lost", "doubled", "moved", "changed"):
            words = getattr(changes, what)
            if words:
                lines.append(f"stream {verdict.name}: {what}: {', '.join(words)}")
        if verdict.failure:
            lines.append(
                f"stream {verdict.name}: {verdict.failure} ({verdict.undelivered} words did not come)"
            )
        lines += [f"stream {verdict.name}: {problem}" for problem in verdict.problems[:_MOST_PROBLEMS]]
        if len(verdict.problems) > _MOST_PROBLEMS:
            lines.append(f"stream {verdict.name}: and {len(verdict.problems) - _MOST_PROBLEMS} more")
    lines += [f"slots: {leak}" for leak in outcome.leaks]
    if outcome.stuck:
        lines.append(f"fleet: {outcome.stuck}")
    return "### What is wrong\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""


def _logged(outcome: Outcome) -> str:
    """Errors in the services' logs: of what was done to them, unless a defect is among them."""
    lines = [f"- {event} ({count})" for event, count in sorted(outcome.error_events.items())]
    return f"### Errors that the services logged\n\n{_LOGGED_NOTE}\n\n" + "\n".join(lines) if lines else ""
