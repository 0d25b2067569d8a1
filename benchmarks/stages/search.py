"""CPU milliseconds that a search takes for one chunk, by method and by streams in the batch.

    python -m benchmarks.stages.search [--model DIR] [--streams 1 --streams 8] [--rounds 60] [--out FILE]

Advancing all streams by a chunk and asking each for its best hypothesis, as the decoder's search thread
does after every encoder step; interims are wanted by all. Real speech; a stream's segment is ended every
ten seconds. Medians over rounds.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import process_time
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from amira_decoder.model.folder import TransducerFolder
from amira_decoder.search.base import Search
from amira_decoder.search.factory import available_methods, create_search
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from amira_local.options import default_model_dir
from benchmarks.clips import windows_of_clips
from benchmarks.report import show

SEGMENT_S = 10
WARM_UP_ROUNDS = 10


def encoder_frames(model: Path, streams: int, rounds: int) -> tuple[NDArray[np.float32], int]:
    """Encoder frames of speech, float32 [rounds, streams, frames per chunk, dim], and chunks per segment."""
    table = load_slot_table(EncoderOptions(model, streams))
    slots, generations = np.arange(streams, dtype=np.int32), np.ones(streams, np.int64)
    steps = [
        table.step(batch, slots, generations, np.full(streams, number == 0))[0]
        for number, batch in enumerate(windows_of_clips(table.geometry, streams, rounds))
    ]
    return np.stack(steps), SEGMENT_S * 100 // table.geometry.chunk_frames


def chunk_ms(search: Search, frames: NDArray[np.float32], segment_chunks: int) -> float:
    """Median CPU time of a chunk."""
    times = []
    for number, chunk in enumerate(frames):
        if number % segment_chunks == 0:
            segments = [search.start_segment(None) for _ in chunk]
        begin = process_time()
        search.advance(segments, chunk)
        search.best(segments)
        times.append(1000 * (process_time() - begin))
    return round(median(times[WARM_UP_ROUNDS:]), 3)


def measure(model: Path, streams: list[int], rounds: int) -> dict[str, Any]:
    """Milliseconds by method and number of streams."""
    folder = TransducerFolder.open(model)
    frames, segment_chunks = encoder_frames(model, max(streams), WARM_UP_ROUNDS + rounds)
    searches = {method: create_search(method, folder) for method in available_methods()}
    return {
        "benchmark": "search",
        "model": folder.name,
        "frames_per_chunk": frames.shape[2],
        "cpu_ms_per_chunk": {
            method: {
                str(count): chunk_ms(search, np.ascontiguousarray(frames[:, :count]), segment_chunks)
                for count in streams
            }
            for method, search in searches.items()
        },
    }


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    streams: Annotated[list[int], typer.Option(help="Streams in the batch; repeat.")] = [1, 8, 32, 96],  # noqa: B006 - typer wants the list itself
    rounds: Annotated[int, typer.Option(help="Measured chunks.")] = 60,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures the searches."""
    show(measure(model or default_model_dir(), streams, rounds), out)


if __name__ == "__main__":
    typer.run(main)
