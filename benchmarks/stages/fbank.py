"""Features per second: Amira's numba kernel against kaldi-native-fbank on the same audio.

    python -m benchmarks.stages.fbank [--seconds 60] [--rounds 15] [--out fbank.json]

Both get float32 samples in [-1, 1] and give all frames to Python, one thread each. Rounds of the two
alternate, and times are CPU time of the thread, so that a busy machine slows both alike; the table has
medians over rounds, and the median of the ratios within each round. kaldi-native-fbank is timed twice:
with the frames fetched one by one, which is its only way to hand them over, and without. Both include
its conversion of the samples from numpy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kaldi_native_fbank
import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from amira_frontend.fbank.kernel import load_kernel
from amira_frontend.fbank.stream import FbankStream

Float32s = NDArray[np.float32]
Run = Callable[[], Any]
_RATE_HZ = 16_000


def amira(pieces: list[Float32s]) -> list[Float32s]:
    stream = FbankStream(load_kernel())
    return [*(stream.accept(piece) for piece in pieces), stream.finish()]


def kaldi(pieces: list[Float32s], fetch: bool = True) -> list[Float32s]:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = -400
    fbank = kaldi_native_fbank.OnlineFbank(options)
    frames: list[Float32s] = []
    for piece in pieces:
        fbank.accept_waveform(_RATE_HZ, piece)
        if fetch:
            frames += [fbank.get_frame(index) for index in range(len(frames), fbank.num_frames_ready)]
    fbank.input_finished()
    if fetch:
        frames += [fbank.get_frame(index) for index in range(len(frames), fbank.num_frames_ready)]
    return frames


def measure(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each run in each round, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            begin = time.thread_time()
            run()
            if number:
                times[name].append(time.thread_time() - begin)
    return times


def compare(samples: Float32s, piece_ms: int | None, rounds: int) -> dict[str, Any]:
    """Medians for one way of feeding the audio."""
    size = _RATE_HZ * piece_ms // 1000 if piece_ms else len(samples)
    pieces = [samples[at : at + size] for at in range(0, len(samples), size)]
    frames = np.concatenate(amira(pieces))
    difference = float(np.abs(frames - np.stack(kaldi(pieces))).max())
    times = measure(
        {
            "amira": lambda: amira(pieces),
            "kaldi": lambda: kaldi(pieces),
            "kaldi_without_fetching": lambda: kaldi(pieces, fetch=False),
        },
        rounds,
    )

    def ratio(name: str) -> float:
        pairs = zip(times[name], times["amira"], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    return {
        "pieces": f"{piece_ms} ms" if piece_ms else "whole",
        "us_per_frame": {name: statistics.median(all_) / len(frames) * 1e6 for name, all_ in times.items()},
        "times_faster_than_kaldi": ratio("kaldi"),
        "times_faster_than_kaldi_without_fetching": ratio("kaldi_without_fetching"),
        "largest_difference": difference,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="audio per round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="also write JSON here")
    arguments = parser.parse_args()
    noise = np.random.default_rng(0).standard_normal(int(arguments.seconds * _RATE_HZ))
    samples = (0.1 * noise).astype(np.float32)
    rows = [compare(samples, piece_ms, arguments.rounds) for piece_ms in (20, 100, None)]

    print(f"{binding.get_host_cpu_name()}, {os.cpu_count()} cores, one thread; us per frame of 10 ms\n")
    print("  pieces    amira    kaldi  (no fetch)   faster  (no fetch)  max diff")
    for row in rows:
        us = row["us_per_frame"]
        print(
            f"{row['pieces']:>8} {us['amira']:8.2f} {us['kaldi']:8.2f} {us['kaldi_without_fetching']:11.2f} "
            f"{row['times_faster_than_kaldi']:7.1f}x "
            f"{row['times_faster_than_kaldi_without_fetching']:10.1f}x {row['largest_difference']:9.1e}"
        )
    if arguments.out:
        report = {
            "benchmark": "fbank",
            "cpu": binding.get_host_cpu_name(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "kaldi_native_fbank": version("kaldi-native-fbank"),
            "numba": version("numba"),
            "seconds": arguments.seconds,
            "rounds": arguments.rounds,
            "results": rows,
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
