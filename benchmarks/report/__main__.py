"""`make bench-reports`: everything that follows from benchmarks/results/bench.json, written anew.

bench.json ─► bench.md, plots, docs/BENCHMARKS.md
          └─► cost.json, fleet.json ─► their section of docs/BENCHMARKS.md
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.capacity.answers import cost_figures, fleet_figures
from benchmarks.capacity.measured import BENCH, read_measured
from benchmarks.capacity.prices import read_prices
from benchmarks.report import capacity_section, document, plots, tables, write


def main(
    results: Annotated[Path, typer.Option(help="Folder with bench.json; the other files go there.")] = (
        BENCH.parent
    ),
    page: Annotated[Path, typer.Option(help="The page to write the figures into.")] = document.DOCUMENT,
) -> None:
    """Writes tables, plots, costs and the simulator's answers from the last full run."""
    try:
        measured = read_measured(results / "bench.json")
        found = json.loads((results / "bench.json").read_text(encoding="utf-8"))
        cost = {"run": measured.date, **cost_figures(read_prices(), measured.streams_per_core)}
        fleet = {"run": measured.date, **fleet_figures(measured.streams)}
        capacity_section.write_document(measured, cost, fleet, page)
        document.write(found, plots.draw(found, results, "bench"), page)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    (results / "bench.md").write_text(tables.markdown(found), encoding="utf-8")
    write(results / "cost.json", cost)
    write(results / "fleet.json", fleet)


if __name__ == "__main__":
    typer.run(main)
