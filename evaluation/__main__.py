"""What a model recognizes: `make eval`.

    python -m evaluation [--model FOLDER] [--chunk-ms N] [--data FOLDER] [--only PART] [--targets cpu] ...

Starts the whole stack for each model and streams through its gateway. docs/EVALUATION.md says what
is measured and how.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from amira_local.options import Encoder, default_model_dir
from amira_local.stack import StackError
from evaluation.card import write_into_card
from evaluation.models import NoModelError, in_other_chunks, model_folder
from evaluation.recognizer import RecognitionError, running
from evaluation.report import Results
from evaluation.run import PARTS, Plan, Run, measure
from evaluation.tables import targets_section
from evaluation.targets import judge, kinds

_HERE = Path(__file__).resolve().parent
RESULTS = _HERE / "results"
DATA = _HERE.parent.parent / "shared" / "speech"

_MISSED, _FAILED = 1, 2


async def measure_all(
    models: list[Path],
    plan: Plan,
    *,
    chunk_ms: tuple[int, ...] = (),
    streams: int = 8,
    encoder: Encoder = "triton",
) -> list[Run]:
    """One run per model, each with a stack of its own, then the first model in other chunks.

    Hard sources are measured with the first run only, sounds and hotwords not in other chunks.

    Raises:
        NoModelError, StackError, RecognitionError, ValueError: a model cannot be measured.
    """
    easier = replace(plan, hard_sources=False)
    words_only = replace(easier, parts=plan.parts & {"speech", "synthetic"})
    jobs = [(model_folder(path), easier if number else plan) for number, path in enumerate(models)]
    jobs += [(in_other_chunks(models[0], length), words_only) for length in chunk_ms]
    runs: list[Run] = []
    for prepared, its_plan in jobs:
        with prepared as (folder, name):
            _say(f"{name}: starting the stack")
            async with running(folder, name, streams=streams, encoder=encoder) as recognizer:
                runs.append(await measure(recognizer, its_plan, _say))
    return runs


def main(
    model: Annotated[
        list[Path] | None,
        typer.Option(help="Model folder, or an encoder*.onnx in one; repeat for more chunk sizes."),
    ] = None,
    chunk_ms: Annotated[
        list[int] | None,
        typer.Option(help="Measure the first model's words in these chunks too (models of training/ only)."),
    ] = None,
    data: Annotated[
        Path, typer.Option(envvar="AMIRA_TEST_SPEECH", help="Folder with manifest.tsv and recordings.")
    ] = DATA,
    only: Annotated[list[str] | None, typer.Option(help=f"Part to measure: {', '.join(PARTS)}.")] = None,
    search: Annotated[
        list[str] | None, typer.Option(help="Search to measure (k2, beam, greedy); default: all.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="A few items of everything.")] = False,
    targets: Annotated[
        str | None, typer.Option(help=f"Hold the figures against the targets for {' or '.join(kinds())}.")
    ] = None,
    card: Annotated[Path | None, typer.Option(help="Model card to write the tables into.")] = None,
    results: Annotated[Path, typer.Option(help="Folder for raw figures and tables.")] = RESULTS,
    streams: Annotated[int, typer.Option(min=1, max=64, help="Recordings at once.")] = 8,
    in_process: Annotated[bool, typer.Option(help="Run the encoder without Triton.")] = False,
) -> None:
    """Measures and prints the tables. Exit status: 1 a target is missed, 2 it could not be measured."""
    unknown = sorted(set(only or ()) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if targets is not None and targets not in kinds():
        raise typer.BadParameter(f"there are no targets for {targets!r}, only for {', '.join(kinds())}")
    if card is not None and not card.is_file():
        raise typer.BadParameter(f"there is no model card at {card}")
    plan = Plan(data, frozenset(only or PARTS), tuple(dict.fromkeys(search or ())), quick)
    models = model or [default_model_dir()]
    encoder: Encoder = "in_process" if in_process else "triton"
    try:
        runs = asyncio.run(
            measure_all(models, plan, chunk_ms=tuple(chunk_ms or ()), streams=streams, encoder=encoder)
        )
    except (NoModelError, StackError, RecognitionError, ValueError) as error:
        _say(f"error: {error}")
        raise typer.Exit(_FAILED) from None
    judgement = judge(runs, targets) if targets else None
    measured = Results.of(runs, plan)
    path = measured.write(results)
    print(measured.markdown)
    if judgement:
        print(targets_section(judgement))
    _say(f"raw figures, with every transcript beside them: {path}")
    if card is not None:
        write_into_card(card, path)
    if judgement is not None and not judgement.met:
        raise typer.Exit(_MISSED)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
