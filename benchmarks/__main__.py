"""Amira against its peers, and against its targets: `make bench`, `make bench-quick`.

    python -m benchmarks [--quick] [--systems amira_greedy --systems sherpa_cpp | --document] ...

Wants the machine to itself: it says so in its results when others used it. docs/BENCHMARKS.md says
what is measured and how.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from amira_encoder.errors import EncoderModelError
from amira_local.options import default_model_dir
from benchmarks import machine, peers, recordings
from benchmarks.load.level import LoadError
from benchmarks.load.ramp import BUDGET_MS
from benchmarks.report import document, plots, tables, write
from benchmarks.suite import FULL, QUICK, Plan, Subject, Suite, tune
from benchmarks.systems.base import Server
from benchmarks.systems.remote import vendors
from benchmarks.systems.sherpa import SherpaServer, SherpaTuning

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
_MAX_REMOTE_STREAMS = 4


async def measure(
    model_dir: Path, plan: Plan, wanted: list[str], data: Path, *, quick: bool, budget_ms: float, say: Any
) -> dict[str, Any]:
    """Runs everything; returns the results. Whatever happens, no server is left running.

    Raises:
        ValueError: a wanted system that there is not, or nothing was measured: no results are to be written.
    """
    geometry = peers.geometry_of(model_dir)
    _refuse_unknown(wanted, _servers(model_dir, geometry, peers.KNOWN_BEST))
    played = recordings.pool(data, 8 if quick else 24)
    suite = Suite(played, plan, say, budget_ms)
    began = datetime.now(UTC)
    described = machine.description()
    tuning = peers.KNOWN_BEST
    tried: list[dict[str, Any]] = []
    try:
        if plan.tune and _is_wanted(peers.CPP, wanted, quick=quick):
            say("trying settings of sherpa-onnx's C++ server")
            best, tried = await tune(suite, peers.candidates(model_dir, geometry), peers.TRIED_AT)
            tuning = best.tuning if isinstance(best, SherpaServer) else tuning
        servers = _servers(model_dir, geometry, tuning)
        await _compare(suite, [one for one in servers if _is_wanted(one.name, wanted, quick=quick)], plan)
    except LoadError as error:  # what has been measured so far is worth keeping
        say(f"error: {error}")
        suite.skipped["the rest of the run"] = str(error)
    finally:
        await suite.stop()
    if not any(subject.figures.get("levels") for subject in suite.subjects.values()):
        why = "; ".join(f"{name}: {reason}" for name, reason in suite.skipped.items())
        raise ValueError(f"no system was measured ({why or 'no level was played'}); nothing is written")
    return {
        "benchmark": "systems",
        "date": began.strftime("%Y-%m-%d %H:%M UTC"),
        "minutes": round((datetime.now(UTC) - began).total_seconds() / 60, 1),
        "command": _command(sys.argv[1:]),
        "commit": _commit(),
        "quick": quick,
        "budget_ms": budget_ms,
        "model": model_dir.name,
        "chunk_ms": geometry[1] * 10,
        "machine": described,
        "busy": {
            "levels": suite.levels,
            "with_other_load": suite.busy_levels,
            "most_other_cores": round(suite.most_others_cores, 2),
            "nice": os.nice(0),
        },
        "speech": recordings.describe(played),
        "plan": asdict(plan),
        "peer_settings_tried": tried,
        "peer_settings": asdict(tuning),
        "skipped": suite.skipped,
        "systems": {
            name: {"title": s.server.title, "settings": s.server.settings(), **s.figures}
            for name, s in suite.subjects.items()
        },
    }


def _is_wanted(name: str, wanted: list[str], *, quick: bool = False) -> bool:
    if wanted:
        return name in wanted
    # A quick run has time for three systems: two ways to run Amira, and the peer. A full one leaves out what
    # says less than its neighbour.
    return name in (peers.LIKE_FOR_LIKE, peers.NODES, peers.CPP) if quick else name != peers.NODE


def _refuse_unknown(wanted: list[str], servers: list[Server]) -> None:
    known = [server.name for server in servers]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"there is no system {', '.join(unknown)}; there are {', '.join(known)}")


def _servers(model_dir: Path, geometry: tuple[int, int, int], tuning: SherpaTuning) -> list[Server]:
    return [
        *peers.amira(model_dir, ("greedy", "beam", "k2"), geometry),
        *peers.amira_nodes(model_dir, geometry),
        *peers.sherpa(model_dir, tuning, geometry),
        *vendors(),
    ]


async def _compare(suite: Suite, servers: list[Server], plan: Plan) -> None:
    subjects = [subject for server in servers if (subject := await suite.add(server)) is not None]
    for subject in subjects:
        suite.say(f"unloaded: {subject.server.title}")
        await suite.unloaded(subject)
    if plan.one_stream_s:
        for subject in _few(subjects):
            await suite.one_stream(subject)
    local = [subject for subject in subjects if subject.server.processes()]
    for subject in subjects:
        if subject not in local:  # it costs money, and its capacity is no question of ours
            subject.figures["levels"] = [await suite.level(subject, _MAX_REMOTE_STREAMS)]
    await suite.ramp_all(local)
    for subject in _few(local):
        if suite.has_time_for_a_level or plan.one_stream_s:
            await suite.at_normal_load(subject)


def _few(subjects: list[Subject]) -> list[Subject]:
    return [subject for subject in subjects if subject.server.name in peers.LOOKED_AT_CLOSELY]


def _command(arguments: list[str]) -> str:
    """What was asked for, without folders: they are of one machine."""
    kept, folders = [], ("--results", "--data", "--model")
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before not in folders and not argument.startswith(folders):
            kept.append(argument)
    return shlex.join(["python", "-m", "benchmarks", *kept])


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git there is
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()


def _name(*, quick: bool, part: bool) -> str:
    """Of the files: a run of some systems does not replace the one that the documents are made of."""
    return "bench" + "-quick" * quick + "-part" * part


def main(
    quick: Annotated[bool, typer.Option(help="Within four minutes: fewer systems, short levels.")] = False,
    systems: Annotated[list[str] | None, typer.Option(help="Only this system; repeat.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    data: Annotated[
        Path, typer.Option(help="Folder with manifest.tsv and recordings; else the bundled clip.")
    ] = recordings.DATA,
    first: Annotated[int | None, typer.Option(min=1, help="Streams of the first level.")] = None,
    seconds: Annotated[float | None, typer.Option(min=2, help="Measured time of a level.")] = None,
    no_tuning: Annotated[
        bool, typer.Option("--no-tuning", help="Take the peer's known best settings.")
    ] = False,
    budget_ms: Annotated[float, typer.Option(help="Bound on p99 of partial latency.")] = BUDGET_MS,
    results: Annotated[Path, typer.Option(help="Folder for JSON, table and plots.")] = RESULTS,
    write_document: Annotated[
        bool, typer.Option("--document", help="Write the figures into docs/BENCHMARKS.md.")
    ] = False,
) -> None:
    """Compares the systems that are here, at rising numbers of streams."""
    if write_document and systems:
        raise typer.BadParameter("the document is made of all systems: --document goes without --systems")
    plan = QUICK if quick else FULL
    plan = replace(plan, first_level=first or plan.first_level, tune=plan.tune and not no_tuning)
    if seconds is not None:
        plan = replace(plan, times=replace(plan.times, measured_s=seconds))
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    try:
        found = asyncio.run(
            measure(
                model or default_model_dir(),
                plan,
                systems or [],
                data,
                quick=quick,
                budget_ms=budget_ms,
                say=say,
            )
        )
    except (EncoderModelError, LoadError, ValueError) as error:
        say(f"error: {error}")
        raise typer.Exit(2) from None
    name = _name(quick=quick, part=bool(systems))
    write(results / f"{name}.json", found)
    drawn = plots.draw(found, results, name)
    text = tables.markdown(found)
    (results / f"{name}.md").write_text(text)
    print(text)
    if write_document:
        document.write(found, drawn)
    say(f"results: {results}/{name}.json, .md and {len(drawn)} plots")


if __name__ == "__main__":
    typer.run(main)
