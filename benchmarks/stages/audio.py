"""What each stage of the frontend costs for 100 ms of audio, by encoding and rate.

    python -m benchmarks.stages.audio [--rounds 300] [--out audio.json]

CPU time, for which one message holds up the event loop: the reason why the frontend works on
it rather than in threads. The last line is the price of the alternative, an empty call in a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from amira.frontend.v1 import frontend_pb2
from amira_frontend.pipeline import FeatureStream
from amira_frontend.warmup import warm_up

_PIECE_MS = 100


def recording(encoding: str, rate: int, seconds: float) -> bytes:
    """Noise in the rhythm of speech."""
    time_s = np.arange(int(seconds * rate)) / rate
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(time_s)) * np.sin(6 * time_s) ** 2
    if encoding == "LINEAR16":
        return bytes((noise * 32767).astype("<i2"))
    if encoding == "FLOAT32":
        return bytes(noise.astype("<f4"))
    if encoding in ("MULAW", "ALAW"):
        codes: NDArray[np.uint8] = (noise * 127 + 128).astype(np.uint8)
        return codes.tobytes()
    file = io.BytesIO()
    container, subtype = {"FLAC": ("FLAC", "PCM_16"), "OGG_OPUS": ("OGG", "OPUS")}[encoding]
    soundfile.write(file, noise, rate, format=container, subtype=subtype)
    return file.getvalue()


def measure(encoding: str, rate: int, rounds: int) -> dict[str, Any]:
    seconds = rounds * _PIECE_MS / 1000
    data = recording(encoding, rate, seconds)
    header = encoding in ("FLAC", "OGG_OPUS")
    stream = FeatureStream(
        frontend_pb2.AudioFormat(
            encoding=f"AUDIO_ENCODING_{encoding}",
            sample_rate_hz=0 if header else rate,
        )
    )
    size = -(-len(data) // rounds)
    messages, longest_step = [], 0.0
    for at in range(0, len(data), size):
        begin = previous = time.thread_time()
        for _ in stream.steps(data[at : at + size]):
            now = time.thread_time()
            longest_step, previous = max(longest_step, now - previous), now
        messages.append(time.thread_time() - begin)
    return {
        "encoding": encoding,
        "rate_hz": rate,
        "mean_us": statistics.mean(messages) * 1e6,
        "median_us": statistics.median(messages) * 1e6,
        "longest_us": max(messages) * 1e6,
        "longest_step_us": longest_step * 1e6,
        "streams_per_core": _PIECE_MS / 1000 / statistics.mean(messages),
    }


async def thread_switch(rounds: int) -> float:
    """Median microseconds of an empty call in a thread and back."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        await asyncio.to_thread(lambda: None)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--out", type=Path, help="also write JSON here")
    arguments = parser.parse_args()
    warm_up()
    cases = [
        ("LINEAR16", 16_000),
        ("LINEAR16", 8_000),
        ("LINEAR16", 44_100),
        ("LINEAR16", 48_000),
        ("FLOAT32", 16_000),
        ("MULAW", 8_000),
        ("ALAW", 8_000),
        ("FLAC", 16_000),
        ("OGG_OPUS", 16_000),
        ("OGG_OPUS", 48_000),
    ]
    rows = [measure(encoding, rate, arguments.rounds) for encoding, rate in cases]
    switch_us = asyncio.run(thread_switch(arguments.rounds))

    print(f"us for {_PIECE_MS} ms of audio, bytes to features, one thread")
    print("encoding    rate     mean   median  longest  longest step  streams per core")
    for row in rows:
        print(
            f"{row['encoding']:<9} {row['rate_hz']:>6} {row['mean_us']:8.1f} {row['median_us']:8.1f} "
            f"{row['longest_us']:8.1f} {row['longest_step_us']:13.1f} {row['streams_per_core']:17.0f}"
        )
    print(f"\nan empty call in a thread: {switch_us:.1f} us")
    if arguments.out:
        report = {"benchmark": "audio_stages", "thread_switch_us": switch_us, "results": rows}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
