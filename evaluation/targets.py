"""What is wanted of the model, against what was measured.

Figures have names with slashes:

    wer/<source>/<search>      word error rate in per cent
    difference/<source>        between k2 and greedy, in percentage points
    sounds/words/<search>      words on all sounds that are not speech
    hotwords/recall/<boost>    names found, in per cent

In the place of a search, `default` is the one that the server takes when a stream names none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.run import Run

TARGETS = Path(__file__).resolve().parent / "targets.toml"


@dataclass(frozen=True)
class Verdict:
    """One target."""

    what: str
    at_most: float
    measured: float | None
    """None: not measured in this run."""
    decimals: int

    @property
    def met(self) -> bool:
        """Whether the figure, as it is printed, is within the target."""
        return self.measured is not None and round(self.measured, self.decimals) <= self.at_most


@dataclass(frozen=True)
class Judgement:
    """All targets, and the run that they were held against."""

    chunk_ms: int
    """Chunks of that run."""
    wanted_chunk_ms: int
    verdicts: tuple[Verdict, ...]

    @property
    def met(self) -> bool:
        """Whether every target is met, by a model with the chunks that they are for."""
        return self.chunk_ms == self.wanted_chunk_ms and all(verdict.met for verdict in self.verdicts)


def judge(runs: Sequence[Run], kind: str, path: Path = TARGETS) -> Judgement:
    """Holds the run with the wanted chunks (where there is none, the first) against the targets.

    Args:
        runs: at least one.
        kind: which figures of `at_most` count.
        path: the targets.

    Raises:
        KeyError: no such kind.
    """
    wanted = tomllib.loads(path.read_text(encoding="utf-8"))
    run = next((run for run in runs if run.model.chunk_ms == wanted["chunk_ms"]), runs[0])
    measured = figures(run)
    verdicts = tuple(
        Verdict(
            what=target["what"],
            at_most=float(target["at_most"][kind]),
            measured=measured.get(target["figure"]),
            decimals=0 if target["figure"].startswith("sounds/") else 1,
        )
        for target in wanted["target"]
    )
    return Judgement(run.model.chunk_ms, wanted["chunk_ms"], verdicts)


def kinds(path: Path = TARGETS) -> list[str]:
    """The kinds that every target has."""
    targets = tomllib.loads(path.read_text(encoding="utf-8"))["target"]
    return sorted(set.intersection(*(set(target["at_most"]) for target in targets)))


def figures(run: Run) -> dict[str, float]:
    """Everything that a target can be set for."""
    found: dict[str, float] = {}
    for row in run.speech:
        found[f"wer/{row.source}/{row.search}"] = row.errors.rate
    for source in {row.source for row in run.speech}:
        both = [found.get(f"wer/{source}/{search}") for search in ("k2", "greedy")]
        if both[0] is not None and both[1] is not None:
            found[f"difference/{source}"] = abs(both[0] - both[1])
    for sound in run.sounds:
        name = f"sounds/words/{sound.search}"
        found[name] = found.get(name, 0) + sound.words
    default = f"/{run.model.methods[0]}"
    for name in [name for name in found if name.endswith(default)]:
        found[name.removesuffix(default) + "/default"] = found[name]
    for hotword in run.hotwords:
        found[f"hotwords/recall/{hotword.boost:g}"] = 100 * hotword.found / hotword.names
    return found
