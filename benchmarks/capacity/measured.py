"""The capacity that costs and fleets are computed from: what `make bench` measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import LIKE_FOR_LIKE

BENCH = Path(__file__).resolve().parent.parent / "results" / "bench.json"


@dataclass(frozen=True)
class Measured:
    """Of Amira as separate services with greedy search: the way that fleets run it."""

    streams: int
    """Carried within the latency budget."""
    cpus: int
    """Of the machine, which are taken for cores; a pod is taken to have as many."""
    date: str

    @property
    def streams_per_core(self) -> float:
        return round(self.streams / self.cpus, 1)


def read_measured(path: Path = BENCH) -> Measured:
    """What a run of `make bench` found. Raises ValueError: it cannot be read, or lacks the capacity."""
    try:
        bench = json.loads(path.read_text(encoding="utf-8"))
        streams = round(bench["systems"][LIKE_FOR_LIKE]["capacity"])
        measured = Measured(streams, int(bench["machine"]["cpus"]), bench["date"].split()[0])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} has no capacity of {LIKE_FOR_LIKE} ({type(error).__name__}: {error}); run `make bench`"
        ) from None
    if measured.streams < 1:
        raise ValueError(f"{path}: {LIKE_FOR_LIKE} carried no stream within the budget")
    return measured
