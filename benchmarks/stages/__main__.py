"""All stage benchmarks, one after the other: `make bench-stages`.

    python -m benchmarks.stages [--only fbank --only triton] [--quick] [--document] [--results FOLDER]

About ten minutes. Each stage is a process of its own; results/stages.json holds everything, and
with --document the tables go into docs/PERFORMANCE.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import machine
from benchmarks.report import stage_tables, write

RESULTS = Path(__file__).resolve().parents[1] / "results"
ROOT = RESULTS.parents[1]
STAGES: dict[str, tuple[list[str], list[str]]] = {
    "fbank": ([], ["--seconds=10", "--rounds=3"]),
    "audio": ([], ["--rounds=50"]),
    "kernels": ([], ["--rounds=30"]),
    "search": ([], ["--rounds=10", "--streams=1", "--streams=8"]),
    "encoder": ([], ["--rounds=3", "--streams=1", "--streams=8"]),
    "triton": ([], ["--rounds=5", "--streams=1", "--streams=8"]),
    "relay": ([], ["--streams=8", "--seconds=4"]),
    "idle": ([], ["--streams=50", "--seconds=3"]),
    "long_stream": (["--method=beam"], ["--method=greedy", "--minutes=2"]),
}
"""Arguments of each stage: usually none, and with --quick."""


def run_stage(name: str, arguments: list[str]) -> dict[str, Any]:
    """Runs one stage; returns its figures, and what else the machine did meanwhile.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stage.json"
        # numpy is to have one thread, as the kernels beside it have; engines are told theirs.
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        before = machine.moment({})
        children = os.times()
        subprocess.run(
            [sys.executable, "-m", f"benchmarks.stages.{name}", *arguments, f"--out={out}"],
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **one_thread},
        )  # fmt: skip
        others = machine.between(before, machine.moment({}))
        after = os.times()
        figures: dict[str, Any] = json.loads(out.read_text())
    ours = after.children_user + after.children_system - children.children_user - children.children_system
    used = others.others + others.others_nice - ours / others.seconds
    figures["other_processes_cores"] = round(max(0.0, used), 2)
    return figures


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Stage: {', '.join(STAGES)}; repeat.")] = None,
    quick: Annotated[bool, typer.Option(help="Few rounds, to see that it works.")] = False,
    results: Annotated[Path, typer.Option(help="Folder for stages.json and stages.md.")] = RESULTS,
    document: Annotated[bool, typer.Option(help="Write the tables into docs/PERFORMANCE.md.")] = False,
) -> None:
    """Measures the stages; those that are not asked for keep their last figures."""
    unknown = sorted(set(only or ()) - set(STAGES))
    if unknown:
        raise typer.BadParameter(f"no such stage: {', '.join(unknown)}; there are {', '.join(STAGES)}")
    path = results / "stages.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"stages": {}}
    found["machine"] = machine.description()
    for name in only or STAGES:
        began = time.monotonic()
        figures = run_stage(name, STAGES[name][quick])
        figures["date"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        found["stages"][name] = figures
        write(path, found)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    text = stage_tables.markdown(found)
    (results / "stages.md").write_text(text)
    print(text)
    if document:
        stage_tables.write_document(found)


if __name__ == "__main__":
    typer.run(main)
