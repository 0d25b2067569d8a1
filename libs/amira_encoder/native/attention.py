"""One layer's attention of one stream's chunk, over the keys and values that its slot holds.

Keys are kept as columns and values as rows, in bfloat16, the oldest first, and not rotated: so nothing
depends on how long the stream has lasted. What is added for the chunk pushes out as much of the oldest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_encoder.native.elementwise import exp_of_negative, from_bfloat16, to_bfloat16
from amira_encoder.native.jit import kernel, largest_kernel
from amira_encoder.native.tiles import LANES, float_tile, fused, moved_up, sum_of

DIM, HEADS = 288, 8
HEAD_DIM = DIM // HEADS
_HALF = 16  # pairs of values per head that are rotated; the last 4 of the 36 stay
_ROTARY_BASE = 10000.0
_ROTARY_STEP = 40 / 24
"""One frame of 40 ms, in positions of the network that the training started from."""

QUERY_ROWS = 4
"""Queries are worked on four at a time."""
_KEY_VECTORS, _VALUE_VECTORS = 5, 3
_KEY_COLUMNS = LANES * _KEY_VECTORS
_VALUE_COLUMNS = LANES * _VALUE_VECTORS  # the 36 of a head and twelve that mean nothing
ATTENDED_COLUMNS = DIM - HEAD_DIM + _VALUE_COLUMNS
"""Room for a row of values, or of results: the last head's tile reads and writes beyond them."""

_HIDDEN = np.float32(-1e4)  # added to the score of a key from before the start
_ZERO = np.float32(0)
_SCALE = np.float32(HEAD_DIM**-0.5)

_key_tile = float_tile(QUERY_ROWS, _KEY_VECTORS)
_value_tile = float_tile(QUERY_ROWS, _VALUE_VECTORS)


class Rotation(NamedTuple):
    """Cosines and sines of the angles by which keys and queries are rotated (Su et al. 2021)."""

    key_cos: NDArray[np.float32]
    """[16, keys], by the key's place in the window."""
    key_sin: NDArray[np.float32]
    query_cos: NDArray[np.float32]
    """[queries, 16]."""
    query_sin: NDArray[np.float32]


class Scratch(NamedTuple):
    """What one stream needs while it is worked on, of one head but for the values."""

    queries: NDArray[np.float32]
    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    """Of all heads."""
    scores: NDArray[np.float32]


def rotation(history: int, chunk: int) -> Rotation:
    """For `history` keys before a chunk of `chunk`, the last of which its queries do not stand for yet."""
    frequencies = _ROTARY_STEP / _ROTARY_BASE ** (np.arange(_HALF) / _HALF)
    keys = (frequencies[:, None] * np.arange(history + chunk)).astype(np.float32)
    queries = (np.arange(history - 1, history - 1 + chunk)[:, None] * frequencies).astype(np.float32)
    return Rotation(np.cos(keys), np.sin(keys), np.cos(queries), np.sin(queries))


def scratch(history: int, chunk: int) -> Scratch:
    """For windows of `history` + `chunk` keys and `chunk` queries."""
    queries = -(-chunk // QUERY_ROWS) * QUERY_ROWS
    columns = -(-(history + chunk) // _KEY_COLUMNS) * _KEY_COLUMNS
    return Scratch(
        queries=np.zeros((queries, HEAD_DIM), np.float32),
        keys=np.zeros((HEAD_DIM, columns), np.float32),
        values=np.zeros((history + chunk, ATTENDED_COLUMNS), np.float32),
        scores=np.zeros((queries, columns), np.float32),
    )


@kernel
def attend(
    queries: NDArray[np.float32],
    new: NDArray[np.float32],
    keys: NDArray[np.uint16],
    values: NDArray[np.uint16],
    hidden: int,
    rotation: Rotation,
    work: Scratch,
    out: NDArray[np.float32],
) -> None:
    """Attends, and moves the caches on by the chunk.

    `queries` [C, 288] and `new` [C, 576] (keys, then values) are the chunk's; `keys` [288, H] and `values`
    [H, 288], without gaps, the slot's caches. The first `hidden` keys of the window are from before the
    stream's start. `out` [C rounded up to 4, 300].
    """
    chunk, history = len(queries), len(values)
    window = history + chunk
    _take_values(new, values, work.values)
    for head in range(HEADS):
        at = head * HEAD_DIM
        _take_keys(new[:, at : at + HEAD_DIM], keys[at : at + HEAD_DIM], rotation, work.keys)
        _take_queries(queries[:, at : at + HEAD_DIM], rotation, work.queries)
        for first in range(0, len(work.queries), QUERY_ROWS):
            row = work.queries[first].ctypes.data
            for column in range(0, work.keys.shape[1], _KEY_COLUMNS):
                _key_tile((
                    row, work.queries.strides[0],
                    work.keys[0, column:].ctypes.data, work.keys.strides[0], HEAD_DIM,
                    work.scores[first, column:].ctypes.data, work.scores.strides[0],
                ))  # fmt: skip
        for query in range(chunk):
            _weigh(work.scores[query], window, hidden)
        for first in range(0, len(work.queries), QUERY_ROWS):
            _value_tile((
                work.scores[first].ctypes.data, work.scores.strides[0],
                work.values[0, at:].ctypes.data, work.values.strides[0], window,
                out[first, at:].ctypes.data, out.strides[0],
            ))  # fmt: skip
    _move_on(keys, values, new)


@kernel
def _take_keys(
    new: NDArray[np.float32], cache: NDArray[np.uint16], rotation: Rotation, out: NDArray[np.float32]
) -> None:
    """One head's window of keys, rotated, into out [36, keys]; its cache is [36, H]."""
    chunk, history = len(new), cache.shape[1]
    for d in range(HEAD_DIM):
        for j in range(history):
            out[d, j] = from_bfloat16(cache[d, j])
        for i in range(chunk):
            out[d, history + i] = from_bfloat16(to_bfloat16(new[i, d]))
    cos, sin = rotation.key_cos, rotation.key_sin
    for d in range(_HALF):
        for j in range(history + chunk):
            a, b = out[d, j], out[_HALF + d, j]
            out[d, j] = fused(a, cos[d, j], -b * sin[d, j])
            out[_HALF + d, j] = fused(b, cos[d, j], a * sin[d, j])


@kernel
def _take_values(new: NDArray[np.float32], cache: NDArray[np.uint16], out: NDArray[np.float32]) -> None:
    """The window of values of all heads into out [keys, 300]; their cache is [H, 288]."""
    chunk, history = len(new), len(cache)
    for j in range(history):
        for d in range(DIM):
            out[j, d] = from_bfloat16(cache[j, d])
    for i in range(chunk):
        for d in range(DIM):
            out[history + i, d] = from_bfloat16(to_bfloat16(new[i, DIM + d]))


@kernel
def _move_on(keys: NDArray[np.uint16], values: NDArray[np.uint16], new: NDArray[np.float32]) -> None:
    """The caches [288, H] and [H, 288] lose what is oldest and gain the chunk's keys and values."""
    chunk, history = len(new), len(values)
    kept = history - chunk
    # All columns at once: what comes to stand in a column's end from the next one is overwritten below.
    moved_up(keys.ctypes.data, keys.itemsize * chunk, keys.itemsize * (keys.size - chunk))
    moved_up(values.ctypes.data, values.itemsize * DIM * chunk, values.itemsize * DIM * kept)
    for i in range(chunk):
        for d in range(DIM):
            keys[d, kept + i] = to_bfloat16(new[i, d])
        for d in range(DIM):
            values[kept + i, d] = to_bfloat16(new[i, DIM + d])


@kernel
def _take_queries(new: NDArray[np.float32], rotation: Rotation, out: NDArray[np.float32]) -> None:
    """One head's queries, rotated and scaled, into out [C, 36]."""
    for i in range(len(new)):
        for d in range(_HALF):
            a, b = new[i, d], new[i, _HALF + d]
            cos, sin = rotation.query_cos[i, d], rotation.query_sin[i, d]
            out[i, d] = fused(a, cos, -b * sin) * _SCALE
            out[i, _HALF + d] = fused(b, cos, a * sin) * _SCALE
        for d in range(2 * _HALF, HEAD_DIM):
            out[i, d] = new[i, d] * _SCALE


@kernel
def _weigh(scores: NDArray[np.float32], window: int, hidden: int) -> None:
    """Scores of one query to weights that add up to one, in place; what is beyond the window becomes zero."""
    for j in range(hidden):
        scores[j] += _HIDDEN
    top = _largest_of(scores[:window])
    for j in range(window):
        scores[j] = exp_of_negative(scores[j] - top)
    for j in range(window, len(scores)):
        scores[j] = _ZERO
    share = np.float32(1) / sum_of(scores.ctypes.data, len(scores))
    for j in range(window):
        scores[j] *= share


@largest_kernel
def _largest_of(numbers: NDArray[np.float32]) -> np.float32:
    largest = np.float32(numbers[0])
    for i in range(len(numbers)):
        largest = numbers[i] if numbers[i] > largest else largest
    return largest
