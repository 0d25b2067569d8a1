"""Small kernels against numpy, one thread: samples, channels, the joiner with its argmax.

    python -m benchmarks.stages.kernels [--rounds 300] [--out FILE]

Both sides get the same input and give the same output (it is compared). Medians over rounds that alternate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from amira_decoder.model.folder import TransducerFolder
from amira_decoder.search.factory import create_search
from amira_frontend.formats.raw import ALAW, LINEAR16, MULAW, RawDecoder, SampleType
from amira_local.options import default_model_dir
from benchmarks.report import show

_MESSAGE_SAMPLES = 1600
_FRAMES = 8
_STREAMS = 32
Run = Callable[[], Any]


def compare(name: str, ours: Run, numpys: Run, rounds: int, nbytes: int) -> dict[str, Any]:
    """Median microseconds of both. Raises AssertionError when they do not agree."""
    np.testing.assert_allclose(ours(), numpys(), rtol=1e-4, atol=1e-5)
    times: dict[str, list[int]] = {"ours": [], "numpy": []}
    for _ in range(rounds):
        for side, run in (("ours", ours), ("numpy", numpys)):
            begin = perf_counter_ns()
            run()
            times[side].append(perf_counter_ns() - begin)
    ours_us, numpy_us = (median(times[side]) / 1000 for side in ("ours", "numpy"))
    return {
        "kernel": name,
        "us": round(ours_us, 2),
        "numpy_us": round(numpy_us, 2),
        "times_faster": round(numpy_us / ours_us, 2),
        "gb_per_s": round(nbytes / ours_us / 1000, 2),
    }


def _raw(kind: SampleType, channels: int, data: bytes) -> Run:
    decoder = RawDecoder(kind, 16_000, channels, 0)
    return lambda: next(iter(decoder.decode(data)))


def sample_rows(rounds: int) -> list[dict[str, Any]]:
    """Bytes of a 100 ms message to float samples of one channel."""
    chance = np.random.default_rng(0)
    rows = []
    for channels in (1, 2, 8):
        stored = chance.integers(-32768, 32767, _MESSAGE_SAMPLES * channels).astype("<i2")
        rows.append(
            compare(
                f"16-bit PCM to float, 1 of {channels} channels",
                _raw(LINEAR16, channels, stored.tobytes()),
                partial(_pcm, stored, channels),
                rounds,
                _MESSAGE_SAMPLES * (2 * channels + 4),
            )
        )
    for kind, to_float in ((MULAW, _mulaw), (ALAW, _alaw)):
        codes = chance.integers(0, 256, _MESSAGE_SAMPLES).astype(np.uint8)
        rows.append(
            compare(
                f"{kind.name} to float",
                _raw(kind, 1, codes.tobytes()),
                partial(to_float, codes),
                rounds,
                _MESSAGE_SAMPLES * 5,
            )
        )
    return rows


def _pcm(stored: NDArray[np.int16], channels: int) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = stored.reshape(-1, channels).T[0].astype(np.float32) / np.float32(32768)
    return scaled


def _mulaw(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    inverted = ~codes
    size = ((2 * (inverted & 15).astype(np.int32) + 33) << ((inverted >> 4) & 7)) - 33
    return np.where(inverted & 0x80, -size, size).astype(np.float32) * np.float32(4 / 32768)


def _alaw(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    even = codes ^ 0x55
    exponent, mantissa = ((even >> 4) & 7).astype(np.int32), (even & 15).astype(np.int32)
    size = np.where(exponent, (2 * mantissa + 33) << np.maximum(exponent - 1, 0), 2 * mantissa + 1)
    return np.where(even & 0x80, size, -size).astype(np.float32) * np.float32(8 / 32768)


def joiner_row(model: Path, rounds: int) -> dict[str, Any]:
    """Joiner, log-softmax and argmax of a chunk of many streams: greedy search against the same in numpy."""
    folder = TransducerFolder.open(model)
    search: Any = create_search("greedy", folder)
    joint = search._joint
    frames = np.random.default_rng(1).standard_normal((_STREAMS, _FRAMES, joint.dim)).astype(np.float32)
    weights, bias = _joiner_matrix(joint)
    start = joint.rows(np.full(_STREAMS, search.start_segment().key, np.int64))

    def ours() -> list[float]:
        segments = [search.start_segment() for _ in range(_STREAMS)]
        search.advance(segments, frames[:, :1])
        return [segment.score for segment in segments]

    def numpys() -> list[float]:
        logits = np.tanh(frames[:, 0] + start) @ weights + bias
        logits -= logits.max(axis=1, keepdims=True)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return list(log_probs[np.arange(_STREAMS), log_probs.argmax(axis=1)])

    return compare(f"joiner and argmax, {_STREAMS} stream-frames", ours, numpys, rounds, weights.nbytes)


def _joiner_matrix(joint: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    arrays = joint.arrays()
    return np.ascontiguousarray(arrays.weights), np.asarray(arrays.bias)


def measure(model: Path, rounds: int) -> dict[str, Any]:
    """All kernels."""
    return {"benchmark": "kernels", "results": [*sample_rows(rounds), joiner_row(model, rounds)]}


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    rounds: Annotated[int, typer.Option(help="Measured rounds.")] = 300,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures kernels."""
    show(measure(model or default_model_dir(), rounds), out)


if __name__ == "__main__":
    typer.run(main)
