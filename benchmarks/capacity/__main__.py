"""`python -m benchmarks.capacity cost | fleet`: what streams cost, and what a fleet of them needs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.capacity.cost import break_even_streams, stream_costs
from benchmarks.capacity.fleet import Answer, Fleet, Plan
from benchmarks.capacity.prices import DEFAULT, read_prices
from evaluation.tables import table

RESULTS = Path(__file__).resolve().parent.parent / "results"

app = typer.Typer(add_completion=False, rich_markup_mode=None)
PerCore = Annotated[float, typer.Option(min=0.1, help="Streams per core, as `make bench` measured them.")]
Results = Annotated[Path, typer.Option(help="Folder for the raw figures.")]


@app.command()
def cost(
    streams_per_core: PerCore,
    filled: Annotated[float, typer.Option(min=0.01, max=1, help="Places in use on average.")] = 0.6,
    prices: Annotated[Path, typer.Option(help="Dated prices.")] = DEFAULT,
    results: Results = RESULTS,
) -> None:
    """USD per stream-hour and per minute of audio, against hosted services."""
    try:
        listed = read_prices(prices)
        costs = stream_costs(listed.machines, streams_per_core, filled)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    rows = [
        [
            each.machine.name,
            f"{each.streams:.0f}",
            f"{each.usd_per_stream_hour:.4f}",
            f"{each.usd_per_minute:.5f}",
        ]
        for each in costs
    ]
    typer.echo(table(["machine", "streams", "USD per stream-hour", "USD per minute"], rows) + "\n")
    others = [
        [
            service.name,
            f"{service.usd_per_minute:.4f}",
            *(f"{service.usd_per_minute / each.usd_per_minute:.0f} times" for each in costs),
            *(f"{break_even_streams(each, service):.1f}" for each in costs[:1]),
        ]
        for service in listed.services
    ]
    head = ["service", "USD per minute", *(each.machine.name for each in costs), "streams to break even"]
    typer.echo(table(head, others))
    typer.echo(
        f"\n{streams_per_core:g} streams per core, {filled:.0%} of the places in use. List prices as dated."
    )
    _write(
        results / "cost.json",
        {
            "streams_per_core": streams_per_core,
            "filled": filled,
            "machines": [
                {**each.machine.model_dump(mode="json"), "usd_per_minute": round(each.usd_per_minute, 6)}
                for each in costs
            ],
            "services": [service.model_dump(mode="json") for service in listed.services],
        },
    )


@app.command()
def fleet(
    streams_per_pod: Annotated[int, typer.Option(min=1, help="Slots that a decoder pod can really serve.")],
    streams: Annotated[list[int] | None, typer.Option(help="Streams at once; repeat.")] = None,
    mean_stream_s: Annotated[float, typer.Option(min=1, help="Mean duration of a stream.")] = 180.0,
    cell: Annotated[
        int, typer.Option(min=100, help="Beyond this the fleet is made of equal cells.")
    ] = 20_000,
    seed: Annotated[int, typer.Option()] = 1,
    results: Results = RESULTS,
) -> None:
    """Pods, refusals and losses for 10,000 and 1,000,000 streams, undisturbed and with a zone lost."""
    rows, raw = [], []
    for wanted in streams or [10_000, 1_000_000]:
        cells = max(1, -(-wanted // cell))
        base = Plan(wanted / cells, streams_per_pod, mean_stream_s=mean_stream_s, seed=seed)
        for name, plan in _cases(base):
            answer = Fleet(plan).run()
            rows.append(_row(wanted, cells, name, answer))
            raw.append({"streams": wanted, "cells": cells, "case": name, **_figures(answer)})
    head = [
        "streams",
        "cells",
        "case",
        "pods, steady",
        "pods, most",
        "filled",
        "refused",
        "moved",
        "lost",
        "wait",
    ]
    typer.echo(table(head, rows))
    typer.echo(f"\n{streams_per_pod} streams a pod, {mean_stream_s:g} s a stream; one cell is simulated.")
    _write(results / "fleet.json", {"streams_per_pod": streams_per_pod, "answers": raw})


def _cases(base: Plan) -> Sequence[tuple[str, Plan]]:
    at_s = base.ramp_s + base.steady_s / 3
    return [
        ("undisturbed", base),
        ("a zone of three lost", replace(base, zone_lost_at_s=at_s)),
        ("the same, filled to 60 %", replace(base, zone_lost_at_s=at_s, target_filled=0.6)),
        ("the same, four zones", replace(base, zone_lost_at_s=at_s, target_filled=0.6, zones=4)),
    ]


def _row(streams: int, cells: int, name: str, answer: Answer) -> list[str]:
    return [
        f"{streams:,}",
        str(cells),
        name,
        f"{answer.steady_pods * cells:,.0f}",
        f"{answer.most_pods * cells:,}",
        f"{answer.steady_filled:.0%}",
        f"{answer.refused / answer.arrived:.2%}",
        f"{answer.moved * cells:,}",
        f"{answer.lost * cells:,}",
        f"{answer.longest_wait_s:.1f} s",
    ]


def _figures(answer: Answer) -> dict[str, Any]:
    """Of one cell."""
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


def _write(path: Path, figures: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = {"taken": datetime.now(UTC).isoformat(timespec="seconds")}
    path.write_text(json.dumps(taken | figures, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"raw figures: {path}", err=True)


if __name__ == "__main__":
    app()
