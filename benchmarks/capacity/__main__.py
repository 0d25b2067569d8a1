"""`python -m benchmarks.capacity cost | fleet`: what streams cost, and what a fleet of them needs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.capacity.answers import CELL, FILLED, STREAMS, cost_figures, fleet_figures
from benchmarks.capacity.cost import break_even_streams, monthly_costs, stream_costs
from benchmarks.capacity.measured import read_measured
from benchmarks.capacity.prices import DEFAULT, Prices, read_prices
from benchmarks.report import write
from benchmarks.report.capacity_section import fleet_table
from evaluation.tables import table

_MEASURED = "(default: as `make bench` measured it)"

app = typer.Typer(add_completion=False, rich_markup_mode=None)
Results = Annotated[Path | None, typer.Option(help="Folder to keep the raw figures in.")]


@app.command()
def cost(
    streams_per_core: Annotated[float | None, typer.Option(min=0.1, help=f"Streams. {_MEASURED}")] = None,
    filled: Annotated[float, typer.Option(min=0.01, max=1, help="Places in use on average.")] = FILLED,
    hours: Annotated[float | None, typer.Option(min=0, help="Audio a month: what it costs.")] = None,
    other_usd: Annotated[
        float, typer.Option(min=0, help="With --hours: what else own machines cost a month, as people.")
    ] = 0.0,
    prices: Annotated[Path, typer.Option(help="Dated prices.")] = DEFAULT,
    results: Results = None,
) -> None:
    """USD per stream-hour, per minute of audio and per month, against hosted services."""
    try:
        per_core = streams_per_core or read_measured().streams_per_core
        listed = read_prices(prices)
        figures = cost_figures(listed, per_core, filled)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    for part in _cost_tables(listed, per_core, filled):
        typer.echo(part + "\n")
    if hours is not None:
        rows = [
            [each.name, f"{each.usd:,.0f}", "" if each.machines is None else f"{each.machines:,}"]
            for each in monthly_costs(listed, hours, per_core, filled, other_usd)
        ]
        typer.echo(table([f"{hours:,g} hours of audio a month", "USD a month", "machines"], rows) + "\n")
    typer.echo(f"{per_core:g} streams per core, {filled:.0%} of the places in use. List prices as dated.")
    _keep(results, "cost.json", figures)


def _cost_tables(listed: Prices, per_core: float, filled: float) -> list[str]:
    costs = stream_costs(listed.machines, per_core, filled)
    own = [
        [
            each.machine.name,
            f"{each.streams:.0f}",
            f"{each.usd_per_stream_hour:.4f}",
            f"{each.usd_per_minute:.5f}",
        ]
        for each in costs
    ]
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
    return [
        table(["machine", "streams", "USD per stream-hour", "USD per minute"], own),
        table(head, others),
    ]


@app.command()
def fleet(
    streams_per_pod: Annotated[
        int | None, typer.Option(min=1, help=f"Slots that a decoder pod can really serve. {_MEASURED}")
    ] = None,
    streams: Annotated[list[int] | None, typer.Option(help="Streams at once; repeat.")] = None,
    mean_stream_s: Annotated[float, typer.Option(min=1, help="Mean duration of a stream.")] = 180.0,
    cell: Annotated[int, typer.Option(min=100, help="Beyond this the fleet is made of equal cells.")] = CELL,
    seed: Annotated[int, typer.Option()] = 1,
    results: Results = None,
) -> None:
    """Pods, refusals and losses for 10,000 and 1,000,000 streams, undisturbed and with a zone lost."""
    try:
        per_pod = streams_per_pod or read_measured().streams
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    figures = fleet_figures(per_pod, streams or STREAMS, mean_stream_s, cell, seed)
    typer.echo(fleet_table(figures))
    typer.echo(f"\n{per_pod} streams a pod, {mean_stream_s:g} s a stream; one cell is simulated.")
    _keep(results, "fleet.json", figures)


def _keep(results: Path | None, name: str, figures: dict[str, Any]) -> None:
    if results is not None:
        write(results / name, {"taken": datetime.now(UTC).isoformat(timespec="seconds"), **figures})
        typer.echo(f"raw figures: {results / name}", err=True)


if __name__ == "__main__":
    app()
