"""The six layers: attention and feed-forward, each after a layer norm and added to its input.

Each layer works one frame behind the layer below, which makes a look-ahead of one frame per layer without
computing anything twice: of the C frames that a layer is given, the last waits for the next chunk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_encoder.native.attention import (
    ATTENDED_COLUMNS,
    DIM,
    QUERY_ROWS,
    Rotation,
    Scratch,
    attend,
    scratch,
)
from amira_encoder.native.elementwise import normalize_row
from amira_encoder.native.jit import kernel
from amira_encoder.native.products import (
    ADD,
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

LAYERS = 6


class Norm(NamedTuple):
    """A layer norm in each of L layers."""

    weight: Floats
    """[L, n]."""
    bias: Floats


class Layers(NamedTuple):
    """Weights of all layers."""

    attention_norm: Norm
    query: Weights
    key_value: Weights
    attention_out: Weights
    feed_forward_norm: Norm
    expand: Weights
    contract: Weights
    rotation: Rotation


class LayerStates(NamedTuple):
    """What the layers keep of every slot between chunks."""

    keys: NDArray[np.uint16]
    """[slots, 6, 288, H], bfloat16."""
    values: NDArray[np.uint16]
    """[slots, 6, H, 288], bfloat16."""
    waiting: Floats
    """[slots, 6, 288]."""
    seen: NDArray[np.int64]
    """[slots]: frames of 40 ms taken in."""


class LayerWork(NamedTuple):
    """What is between two products of a block of streams."""

    current: Floats
    """[n C, 288]: the frames a layer works on: the one that waited, and all given but the last."""
    normed: Floats
    """[288]."""
    rows: Rows
    queries: Floats
    key_values: Floats
    attended: Floats
    wide: Floats
    wide_rows: Rows
    scratch: Scratch


def layer_states(slots: int, history: int) -> LayerStates:
    """Of streams that have not begun."""
    return LayerStates(
        keys=np.zeros((slots, LAYERS, DIM, history), np.uint16),
        values=np.zeros((slots, LAYERS, history, DIM), np.uint16),
        waiting=np.zeros((slots, LAYERS, DIM), np.float32),
        seen=np.zeros(slots, np.int64),
    )


def layer_work(streams: int, chunk: int, history: int) -> LayerWork:
    """For up to `streams` at a time."""
    count = streams * chunk
    return LayerWork(
        current=blank_results(count, DIM),
        normed=np.zeros(DIM, np.float32),
        rows=blank_rows(count, DIM),
        queries=blank_results(count, DIM),
        key_values=blank_results(count, 2 * DIM),
        attended=np.zeros((chunk + QUERY_ROWS, ATTENDED_COLUMNS), np.float32),
        wide=blank_results(count, 4 * DIM),
        wide_rows=blank_rows(count, 4 * DIM),
        scratch=scratch(history, chunk),
    )


@kernel
def run_layers(
    layers: Layers, work: LayerWork, states: LayerStates, slots: NDArray[np.int32], chunk: int, x: Floats
) -> None:
    """x [n C, 288] through all layers, in place; the states move on by the chunk."""
    count = len(slots) * chunk
    for layer in range(LAYERS):
        _take_turns(states.waiting, slots, layer, chunk, x, work.current)
        _round_normed(work.current, count, layers.attention_norm, layer, work)
        multiply(work.rows, count, layers.query, layer, work.queries, STORE)
        _round_normed(x, count, layers.attention_norm, layer, work)
        multiply(work.rows, count, layers.key_value, layer, work.key_values, STORE)
        _attend(layers.rotation, work, states, slots, layer, chunk)
        multiply(work.rows, count, layers.attention_out, layer, work.current, ADD)
        _round_normed(work.current, count, layers.feed_forward_norm, layer, work)
        multiply(work.rows, count, layers.expand, layer, work.wide, GELU)
        for row in range(count):
            round_row(work.wide[row], work.wide_rows, row)
            for i in range(DIM):
                x[row, i] = work.current[row, i]
        multiply(work.wide_rows, count, layers.contract, layer, x, ADD)


@kernel
def _take_turns(
    waiting: Floats, slots: NDArray[np.int32], layer: int, chunk: int, new: Floats, current: Floats
) -> None:
    """The frame that waited and all of `new` but the last, which waits now, into `current`."""
    for stream in range(len(slots)):
        first, waits = stream * chunk, waiting[slots[stream], layer]
        for i in range(DIM):
            current[first, i] = waits[i]
            waits[i] = new[first + chunk - 1, i]
        for t in range(1, chunk):
            for i in range(DIM):
                current[first + t, i] = new[first + t - 1, i]


@kernel
def _round_normed(x: Floats, count: int, norm: Norm, layer: int, work: LayerWork) -> None:
    for row in range(count):
        normalize_row(x[row], norm.weight[layer], norm.bias[layer], work.normed)
        round_row(work.normed, work.rows, row)


@kernel
def _attend(
    rotation: Rotation,
    work: LayerWork,
    states: LayerStates,
    slots: NDArray[np.int32],
    layer: int,
    chunk: int,
) -> None:
    """Attention of every stream by itself, into work.rows."""
    history = states.values.shape[2]
    for stream in range(len(slots)):
        first, slot = stream * chunk, slots[stream]
        hidden = min(max(history + layer - states.seen[slot], 0), history + chunk)
        attend(
            work.queries[first : first + chunk], work.key_values[first : first + chunk],
            states.keys[slot, layer], states.values[slot, layer], hidden,
            rotation, work.scratch, work.attended,
        )  # fmt: skip
        for t in range(chunk):
            round_row(work.attended[t, :DIM], work.rows, first + t)
