"""CPU milliseconds of one encoder step per stream, by engine, threads and streams in the batch.

    python -m benchmarks.stages.encoder [--model DIR] [--streams 1 --streams 8] [--rounds 20] [--out FILE]

What one tick costs the process that runs the model: states out of the slot table, the graph, states
back. Real speech, back to back; medians over rounds. Each engine gets a process of its own, because their
thread pools would disturb each other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Annotated, Any

import numpy as np
import typer

from amira_encoder.cpu import has_fast_bf16, has_int8_products
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from amira_local.options import default_model_dir
from benchmarks.clips import windows_of_clips
from benchmarks.report import show
from evaluation.models import model_folder

WARM_UP_STEPS = 5
QUANTIZED = "onnxruntime int8"
"""The graph whose weights are quantized already, encoder.int8.onnx: what sherpa-onnx runs."""


def engines(model: Path) -> list[str]:
    """Engines that run here, with their precisions."""
    found = ["onnxruntime f32", *([QUANTIZED] if (model / "encoder.int8.onnx").is_file() else [])]
    found += ["openvino f32", *(["openvino bf16", "openvino int8"] if has_fast_bf16() else [])]
    return [*found, *(["amira int8"] if has_int8_products() else [])]


def measure_engine(
    engine: str, model: Path, streams: Sequence[int], rounds: int, threads: int = 0
) -> dict[str, Any]:
    """Medians of one engine, in this process; milliseconds by number of streams."""
    name, precision = engine.split()
    if engine == QUANTIZED:
        with model_folder(model / "encoder.int8.onnx") as (folder, _):
            table = load_slot_table(EncoderOptions(folder, max(streams), name, threads, "auto"))
    else:
        table = load_slot_table(EncoderOptions(model, max(streams), name, threads, precision))
    geometry = table.geometry
    windows = windows_of_clips(geometry, max(streams), WARM_UP_STEPS + rounds)
    step_ms, cpu_ms = {}, {}
    for count in streams:
        slots, wall, cpu = np.arange(count, dtype=np.int32), [], []
        for number, batch in enumerate(windows):
            begin, begin_cpu = perf_counter(), process_time()
            table.step(batch[:count], slots, np.ones(count, np.int64), np.full(count, number == 0))
            wall.append(1000 * (perf_counter() - begin))
            cpu.append(1000 * (process_time() - begin_cpu))
        step_ms[str(count)] = round(median(wall[WARM_UP_STEPS:]), 2)
        cpu_ms[str(count)] = round(median(cpu[WARM_UP_STEPS:]) / count, 3)
    return {
        "engine": engine,
        "runs_as": table.runner.name,
        "threads": table.runner.threads,
        "chunk_ms": geometry.chunk_frames * 10,
        "state_mib_per_stream": round(table.runner.bytes_per_slot / 2**20, 2),
        "step_ms": step_ms,
        "cpu_ms_per_chunk": cpu_ms,
    }


def measure(model: Path, streams: Sequence[int], rounds: int, threads: Sequence[int] = ()) -> dict[str, Any]:
    """All engines, each in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.stages.encoder", "--model", str(model), f"--rounds={rounds}"]
    command += [f"--streams={count}" for count in streams]
    rows = [
        json.loads(
            subprocess.run(
                [*command, "--engine", name, f"--threads={count}"], check=True, stdout=subprocess.PIPE
            ).stdout
        )
        for count in threads or sorted({1, len(os.sched_getaffinity(0))})
        for name in engines(model)
    ]
    return {"benchmark": "encoder", "model": model.name, "results": rows}


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    streams: Annotated[list[int], typer.Option(help="Streams in the batch; repeat.")] = [1, 8, 32, 96],  # noqa: B006 - typer wants the list itself
    rounds: Annotated[int, typer.Option(help="Measured steps.")] = 15,
    engine: Annotated[str | None, typer.Option(help="One engine, in this process.")] = None,
    threads: Annotated[int, typer.Option(help="With --engine: its threads; 0: one per CPU.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures encoder steps."""
    folder = model or default_model_dir()
    if engine is not None:
        show(measure_engine(engine, folder, streams, rounds, threads), out)
    else:
        show(measure(folder, streams, rounds), out)


if __name__ == "__main__":
    typer.run(main)
