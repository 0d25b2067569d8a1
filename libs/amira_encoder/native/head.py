"""The head: from the last layer's vectors to the encoder frames that the joiner takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_encoder.native.elementwise import normalize_row
from amira_encoder.native.jit import kernel
from amira_encoder.native.layers import LAYERS, Norm
from amira_encoder.native.products import (
    GELU,
    STORE,
    Rows,
    Weights,
    blank_results,
    blank_rows,
    multiply,
    round_row,
)

Floats = NDArray[np.float32]


class Head(NamedTuple):
    """Weights."""

    norm: Norm
    widen: Weights
    project: Weights
    output_norm: Norm
    before_start: Floats
    """[256]: what stands for time before the stream, on which the joiner says blank."""


class HeadWork(NamedTuple):
    """What is between input and output of a block of streams."""

    normed: Floats
    rows: Rows
    widened: Floats
    widened_rows: Rows
    projected: Floats


def head_work(count: int, head: Head) -> HeadWork:
    """For up to `count` frames at a time."""
    dim, wide, out = (norm.shape[1] for norm in (head.norm.weight, head.widen.bias, head.project.bias))
    return HeadWork(
        normed=np.zeros(dim, np.float32),
        rows=blank_rows(count, dim),
        widened=blank_results(count, wide),
        widened_rows=blank_rows(count, wide),
        projected=blank_results(count, out),
    )


@kernel
def run_head(
    head: Head, work: HeadWork, seen: NDArray[np.int64], slots: NDArray[np.int32], x: Floats, out: Floats
) -> None:
    """x [n C, 288] to out [n, C, 256]; what the slots have `seen` grows by the chunk."""
    chunk = out.shape[1]
    count = len(slots) * chunk
    for row in range(count):
        normalize_row(x[row], head.norm.weight[0], head.norm.bias[0], work.normed)
        round_row(work.normed, work.rows, row)
    multiply(work.rows, count, head.widen, 0, work.widened, GELU)
    for row in range(count):
        round_row(work.widened[row], work.widened_rows, row)
    multiply(work.widened_rows, count, head.project, 0, work.projected, STORE)
    for stream in range(len(slots)):
        slot = slots[stream]
        for t in range(chunk):
            result = out[stream, t]
            projected = work.projected[stream * chunk + t]
            normalize_row(projected, head.output_norm.weight[0], head.output_norm.bias[0], result)
            if seen[slot] + t < LAYERS:
                for i in range(len(result)):
                    result[i] = head.before_start[i]
        seen[slot] += chunk
