"""The stem: three convolutions over time, from feature frames of 10 ms to vectors of 40 ms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_encoder.native.jit import kernel
from amira_encoder.native.products import GELU, Rows, Weights, blank_results, blank_rows, multiply, round_row

Floats = NDArray[np.float32]

BINS = 80
HISTORY_FRAMES, LOOKAHEAD_FRAMES = 7, 2
"""Frames that the convolutions see before and after a chunk."""
FRAMES = (3, 5, 4)
"""Frames that each convolution spans."""
_HOPS = (1, 2, 2)


class Stem(NamedTuple):
    """Weights."""

    mean: Floats
    """[80], taken from the features."""
    inverse_deviation: Floats
    """[80], what they are multiplied with then."""
    conv1: Weights
    conv2: Weights
    conv3: Weights


class StemWork(NamedTuple):
    """What is between input and output of a block of streams."""

    frames: Floats
    """[streams, frames, 80]: normalized, those before the chunk in front."""
    rows1: Rows
    outputs1: Floats
    rows2: Rows
    outputs2: Floats
    rows3: Rows


def stem_work(streams: int, window_frames: int, channels: tuple[int, int]) -> StemWork:
    """For up to `streams` at a time; `channels` are what the first two convolutions give."""
    inputs = HISTORY_FRAMES + window_frames
    outputs1 = _outputs(inputs, 0)
    outputs2 = _outputs(outputs1, 1)
    return StemWork(
        frames=np.zeros((streams, inputs, BINS), np.float32),
        rows1=blank_rows(streams * outputs1, FRAMES[0] * BINS),
        outputs1=blank_results(streams * outputs1, channels[0]),
        rows2=blank_rows(streams * outputs2, FRAMES[1] * channels[0]),
        outputs2=blank_results(streams * outputs2, channels[1]),
        rows3=blank_rows(streams * _outputs(outputs2, 2), FRAMES[2] * channels[1]),
    )


def _outputs(inputs: int, convolution: int) -> int:
    return (inputs - FRAMES[convolution]) // _HOPS[convolution] + 1


@kernel
def run_stem(
    stem: Stem, work: StemWork, before: Floats, features: Floats, slots: NDArray[np.int32], out: Floats
) -> None:
    """Features [n, T, 80] of n streams to out [n C, 288]; `before` [slots, 7, 80] moves on by the chunk."""
    streams, inputs = len(slots), work.frames.shape[1]
    for stream in range(streams):
        before_chunk, frames = before[slots[stream]], work.frames[stream]
        _take_frames(stem.mean, stem.inverse_deviation, before_chunk, features[stream], frames)
    outputs1 = (inputs - FRAMES[0]) // _HOPS[0] + 1
    outputs2 = (outputs1 - FRAMES[1]) // _HOPS[1] + 1
    outputs3 = (outputs2 - FRAMES[2]) // _HOPS[2] + 1
    _round_windows(work.frames.reshape(-1, BINS), streams, inputs, outputs1, _HOPS[0], work.rows1)
    multiply(work.rows1, streams * outputs1, stem.conv1, 0, work.outputs1, GELU)
    _round_windows(work.outputs1, streams, outputs1, outputs2, _HOPS[1], work.rows2)
    multiply(work.rows2, streams * outputs2, stem.conv2, 0, work.outputs2, GELU)
    _round_windows(work.outputs2, streams, outputs2, outputs3, _HOPS[2], work.rows3)
    multiply(work.rows3, streams * outputs3, stem.conv3, 0, out, GELU)


@kernel
def _take_frames(
    mean: Floats, inverse_deviation: Floats, before: Floats, features: Floats, out: Floats
) -> None:
    for t in range(HISTORY_FRAMES):
        for i in range(BINS):
            out[t, i] = before[t, i]
    for t in range(len(features)):
        for i in range(BINS):
            out[HISTORY_FRAMES + t, i] = (features[t, i] - mean[i]) * inverse_deviation[i]
    consumed = len(features) - LOOKAHEAD_FRAMES
    for t in range(HISTORY_FRAMES):
        for i in range(BINS):
            before[t, i] = out[consumed + t, i]


@kernel
def _round_windows(x: Floats, streams: int, inputs: int, outputs: int, hop: int, rows: Rows) -> None:
    """Each stream's overlapping windows over its `inputs` frames of x [streams inputs, channels]."""
    flat, channels, depth = x.reshape(-1), x.shape[1], rows.bytes.shape[1]
    for stream in range(streams):
        for t in range(outputs):
            at = (stream * inputs + t * hop) * channels
            row = stream * outputs + t
            round_row(flat[at : at + depth], rows, row)
