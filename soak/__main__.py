"""`make soak`: an hour of streams of every fate; `python -m soak crowd`: many more streams than slots."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from amira_local.options import Search, StackOptions
from amira_local.stack import StackError
from benchmarks.recordings import DATA, pool
from soak.crowd import crowd
from soak.report import crowd_summary, summary, write, write_crowd
from soak.run import soak

RESULTS = Path(__file__).parent / "results"
_GREW, _FAILED = 1, 2

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("run")
def run_command(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long.")] = 60,
    streams: Annotated[int, typer.Option(min=1, help="Streams at a time.")] = 6,
    recordings: Annotated[int, typer.Option(min=1, help="How many different ones.")] = 24,
    seed: Annotated[int, typer.Option(help="Of the schedule.")] = 1,
    search: Annotated[str, typer.Option(help="The decoder's search.")] = "auto",
    results: Annotated[Path, typer.Option(help="Folder for the raw figures.")] = RESULTS,
    logs: Annotated[Path, typer.Option(help="Folder for one log per service.")] = Path(".amira/soak"),
) -> None:
    """Exit status: 1 something grew, changed or failed; 2 it could not be run."""
    options = StackOptions(ephemeral_ports=True, log_dir=logs, search=_search(search))
    try:
        outcome = asyncio.run(soak(options, pool(DATA, recordings), minutes, streams, seed, _say))
    except StackError as error:
        _say(f"error: {error}")
        raise typer.Exit(_FAILED) from None
    path = write(results, outcome)
    typer.echo(summary(outcome))
    _say(f"raw figures: {path}; logs: {logs}")
    if not outcome.clean:
        raise typer.Exit(_GREW)


@app.command("crowd")
def crowd_command(
    streams: Annotated[int, typer.Option(min=5, help="How many in all.")] = 1000,
    at_once: Annotated[int, typer.Option(min=1, help="Clients at a time.")] = 48,
    slots: Annotated[int, typer.Option(min=1, help="Places in the encoder.")] = 16,
    recordings: Annotated[int, typer.Option(min=1, help="How many different ones.")] = 40,
    longest_s: Annotated[float, typer.Option(min=1, help="Seconds of each.")] = 4.0,
    search: Annotated[str, typer.Option(help="The decoder's search.")] = "auto",
    results: Annotated[Path, typer.Option(help="Folder for the raw figures.")] = RESULTS,
) -> None:
    """Many more streams than slots, one in five killed. Exit status as of `run`."""
    env = {"AMIRA_TRITON_SLOTS": str(slots), "AMIRA_DECODER_TARGET_LOAD": "0"}
    options = StackOptions(ephemeral_ports=True, search=_search(search), env=env)
    try:
        outcome = asyncio.run(crowd(options, pool(DATA, recordings), streams, at_once, longest_s, _say))
    except StackError as error:
        _say(f"error: {error}")
        raise typer.Exit(_FAILED) from None
    typer.echo(crowd_summary(outcome))
    _say(f"raw figures: {write_crowd(results, outcome)}")
    if not outcome.clean:
        raise typer.Exit(_GREW)


def _search(name: str) -> Search:
    names: dict[str, Search] = {"auto": "auto", "k2": "k2", "beam": "beam", "greedy": "greedy"}
    if name not in names:
        raise typer.BadParameter(f"there are {', '.join(names)}")
    return names[name]


def _say(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    app()
