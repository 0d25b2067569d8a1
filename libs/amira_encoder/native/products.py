"""Matrix products in int8: weights rounded once per output channel, activations per row and group of values.

    out[m, n] = sum over k of x[m, k] w[n, k] + bias[n]

x is kept as 128 + round(127 x / largest of the group), for the instruction multiplies unsigned by signed
bytes; what the 128 adds is known beforehand, and the sums start at minus that. Rows of x may overlap in
memory, which makes a convolution over time a product too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_encoder.native.elementwise import gelu
from amira_encoder.native.jit import kernel
from amira_encoder.native.tiles import LANES, fused, int8_tile, largest_of, lowest_bytes

TILE_ROWS = 4
"""Rows are worked on four at a time: buffers have a multiple of it."""
_TILE_VECTORS = 2
TILE_COLUMNS = 16 * _TILE_VECTORS
_QUAD = 4  # values that one instruction adds up
_LARGEST_GROUP = 96

STORE, GELU, ADD = 0, 1, 2
"""What becomes of a result: it is stored, stored as its gelu, or added to what is there."""

_LARGEST = np.float32(127)
_ZERO, _ONE = np.float32(0), np.float32(1)
_ROUNDER = np.float32(1.5 * 2**23 + 128)
"""Adding it leaves 128 + the nearest whole number in the lowest byte."""

_tile = int8_tile(TILE_ROWS, _TILE_VECTORS)


class Weights(NamedTuple):
    """Of one product in each of L layers; for numba, which takes no dataclasses."""

    packed: NDArray[np.int8]
    """[L, N / 32, K / 4, 32, 4]: 32 columns of four depths each, in the order in which they are read."""
    starts: NDArray[np.int32]
    """[L, N / 32, groups, 32]: minus what the 128 in x adds."""
    scale: NDArray[np.float32]
    """[L, N]: what one unit of `packed` stands for."""
    bias: NDArray[np.float32]
    """[L, N]."""


class Rows(NamedTuple):
    """Rounded rows of one depth, a multiple of four of them."""

    bytes: NDArray[np.uint8]
    """[M, K]."""
    scales: NDArray[np.float32]
    """[M, groups]: what one unit of `bytes` stands for."""


def group_depth(depth: int) -> int:
    """Values that share a scale: a multiple of 16 that divides `depth` evenly and is not above 96."""
    return next(size for size in range(_LARGEST_GROUP, 0, -LANES) if depth % size == 0)


def blank_rows(count: int, depth: int) -> Rows:
    """Room for `count` rows."""
    padded = -(-count // TILE_ROWS) * TILE_ROWS
    groups = depth // group_depth(depth)
    return Rows(np.zeros((padded, depth), np.uint8), np.ones((padded, groups), np.float32))


def blank_results(count: int, columns: int) -> NDArray[np.float32]:
    """Room for the results of `count` rows."""
    return np.zeros((-(-count // TILE_ROWS) * TILE_ROWS, columns), np.float32)


def pack(weights: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> Weights:
    """Rounds and lays out weights [L, N, K] with N a multiple of 32 and K of 16."""
    layers, columns, depth = weights.shape
    scale = np.maximum(np.abs(weights).max(axis=2), np.float32(1e-12)) / _LARGEST
    rounded = np.round(weights / scale[..., None]).astype(np.int8)
    panels = rounded.reshape(layers, columns // TILE_COLUMNS, TILE_COLUMNS, depth)
    grouped = panels.reshape(*panels.shape[:3], -1, group_depth(depth))
    quads = panels.reshape(*panels.shape[:3], depth // _QUAD, _QUAD)
    return Weights(
        packed=np.ascontiguousarray(quads.transpose(0, 1, 3, 2, 4)),
        starts=np.ascontiguousarray(-128 * grouped.sum(axis=4, dtype=np.int32).transpose(0, 1, 3, 2)),
        scale=scale.astype(np.float32),
        bias=np.zeros((layers, columns), np.float32) if bias is None else np.ascontiguousarray(bias),
    )


@kernel
def round_row(x: NDArray[np.float32], rows: Rows, row: int) -> None:
    """x [K], without gaps, into one of the rows."""
    groups = rows.scales.shape[1]
    size = len(x) // groups
    place, out = x.ctypes.data, rows.bytes[row].ctypes.data
    for group in range(groups):
        largest = largest_of(place, size)
        if not largest > _ZERO:
            largest = _ONE
        lowest_bytes(place, _LARGEST / largest, _ROUNDER, out, size)
        place += 4 * size
        out += size
        rows.scales[row, group] = largest / _LARGEST


@kernel
def multiply(
    rows: Rows, count: int, weights: Weights, layer: int, out: NDArray[np.float32], finish: int
) -> None:
    """The first `count` rows with one layer's weights, into out [M, at least N] (see :func:`blank_results`).

    What comes to stand in rows beyond `count` means nothing.
    """
    groups = rows.scales.shape[1]
    group_size = rows.bytes.shape[1] // groups
    sums = np.empty((TILE_ROWS, TILE_COLUMNS), np.float32)
    tiles = (count + TILE_ROWS - 1) // TILE_ROWS
    for panel in range(weights.packed.shape[1]):
        at = panel * TILE_COLUMNS
        scale = weights.scale[layer, at : at + TILE_COLUMNS]
        bias = weights.bias[layer, at : at + TILE_COLUMNS]
        packed, starts = weights.packed[layer, panel].ctypes.data, weights.starts[layer, panel].ctypes.data
        for tile in range(tiles):
            first = tile * TILE_ROWS
            _tile((
                rows.bytes[first].ctypes.data, rows.bytes.strides[0],
                rows.scales[first].ctypes.data, rows.scales.strides[0],
                packed, starts, groups, group_size, sums.ctypes.data,
            ))  # fmt: skip
            for row in range(TILE_ROWS):
                _finish_row(sums[row], scale, bias, out[first + row, at : at + TILE_COLUMNS], finish)


@kernel
def _finish_row(
    sums: NDArray[np.float32],
    scale: NDArray[np.float32],
    bias: NDArray[np.float32],
    out: NDArray[np.float32],
    finish: int,
) -> None:
    if finish == GELU:
        for i in range(TILE_COLUMNS):
            out[i] = gelu(fused(sums[i], scale[i], bias[i]))
    elif finish == ADD:
        for i in range(TILE_COLUMNS):
            out[i] += fused(sums[i], scale[i], bias[i])
    else:
        for i in range(TILE_COLUMNS):
            out[i] = fused(sums[i], scale[i], bias[i])
