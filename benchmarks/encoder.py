"""Milliseconds of one encoder step, by engine and by streams in the batch.

    python -m benchmarks.encoder [--model DIR] [--streams 1 --streams 8] [--rounds 20] [--out FILE]

What one tick costs the process that runs the model: states out of the slot table, the graph, states
back. Real speech, back to back, on all CPUs; medians over rounds. Each engine gets a process of its
own, because their thread pools would disturb each other. Through Triton a step takes 1 to 2 ms more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer

from amira_encoder.cpu import has_fast_bf16
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from amira_local.options import default_model_dir
from benchmarks.clips import windows_of_clips
from benchmarks.report import show

WARM_UP_STEPS = 5


def engines() -> list[str]:
    """Engines that run here, with their precisions."""
    return ["onnxruntime f32", *(["openvino bf16", "openvino int8"] if has_fast_bf16() else ["openvino f32"])]


def measure_engine(engine: str, model: Path, streams: list[int], rounds: int) -> dict[str, Any]:
    """Medians of one engine, in this process; milliseconds by number of streams."""
    name, precision = engine.split()
    table = load_slot_table(EncoderOptions(model, max(streams), name, 0, precision))
    geometry = table.geometry
    windows = windows_of_clips(geometry, max(streams), WARM_UP_STEPS + rounds)
    step_ms: dict[str, float] = {}
    for count in streams:
        slots, times = np.arange(count, dtype=np.int32), []
        for number, batch in enumerate(windows):
            begin = perf_counter()
            table.step(batch[:count], slots, np.ones(count, np.int64), np.full(count, number == 0))
            times.append(1000 * (perf_counter() - begin))
        step_ms[str(count)] = round(median(times[WARM_UP_STEPS:]), 2)
    return {
        "engine": table.engine.name,
        "threads": table.engine.threads,
        "chunk_ms": geometry.chunk_frames * 10,
        "state_mib_per_stream": round(sum(s.bytes_per_stream for s in table.graph.states) / 2**20, 2),
        "step_ms": step_ms,
    }


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder [default: the bundled one].")] = None,
    streams: Annotated[list[int], typer.Option(help="Streams in the batch; repeat.")] = [1, 8, 32],  # noqa: B006 - typer wants the list itself
    rounds: Annotated[int, typer.Option(help="Measured steps.")] = 20,
    engine: Annotated[str | None, typer.Option(help="One engine, in this process.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures encoder steps."""
    folder = model or default_model_dir()
    if engine is not None:
        show(measure_engine(engine, folder, streams, rounds), out)
        return
    command = [sys.executable, "-m", "benchmarks.encoder", "--model", str(folder), "--rounds", str(rounds)]
    command += [part for count in streams for part in ("--streams", str(count))]
    rows = [
        json.loads(subprocess.run([*command, "--engine", name], check=True, stdout=subprocess.PIPE).stdout)
        for name in engines()
    ]
    show({"benchmark": "encoder", "model": folder.name, "results": rows}, out)


if __name__ == "__main__":
    typer.run(main)
