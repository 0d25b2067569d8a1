"""The affine joiner in numba: logits = tanh(encoder + decoder) @ weights + bias, over one row or many.

A product over four rows at once loads each weight once for all four, and takes a quarter of the time of
four products over one. Every sum is made in the same order either way, so that a row's logits are the same
to the last bit whoever is multiplied beside it: the compiler may fuse a product into the sum that it is
added to, which is the same step in both loops, and nothing else.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.jit import fused_kernel, kernel
from amira_decoder.model.vector_math import tanh_of_sum

ROW_BLOCK: Final = 4
"""Rows that are multiplied at once."""
_TILE: Final = 256
"""Logits of a row that are summed up at once: a constant, or the compiler could not tell the rows' sums apart
and would not make vector instructions."""


@fused_kernel
def affine_joiner(
    encoder_row: NDArray[np.float32],
    decoder_row: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    hidden: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """logits [V] = tanh(encoder_row + decoder_row) [D] @ weights [D, V] + bias; `hidden` [D] is scratch."""
    tanh_of_sum(encoder_row, decoder_row, hidden)
    _affine_row(hidden, weights, bias, logits)


@kernel
def affine_rows(
    hidden: NDArray[np.float32],
    count: int,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    sums: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """logits [n, V] = hidden [n, D] @ weights [D, V] + bias for the first `count` rows.

    `sums` is scratch from :func:`affine_scratch`. Rows behind `count`, up to a whole block, are overwritten:
    n is at least `count` rounded up to whole blocks of ROW_BLOCK rows.
    """
    first = 0
    while count - first > 1:
        _affine_block(hidden, first, weights, bias, sums, logits)
        first += ROW_BLOCK
    if count - first == 1:
        _affine_row(hidden[first], weights, bias, logits[first])


@kernel
def affine_scratch() -> NDArray[np.float32]:
    """Scratch for :func:`affine_rows`."""
    return np.empty(ROW_BLOCK * _TILE, np.float32)


@kernel
def whole_blocks(rows: int) -> int:
    """So many rows, rounded up to whole blocks."""
    return (rows + ROW_BLOCK - 1) // ROW_BLOCK * ROW_BLOCK


@fused_kernel
def _affine_row(
    hidden: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """logits [V] = hidden [D] @ weights [D, V] + bias."""
    dim, vocab = weights.shape
    for v in range(vocab):
        logits[v] = bias[v]
    whole = dim - dim % 4
    # Four rows of weights at a time: the sums are loaded and stored a quarter as often.
    for d in range(0, whole, 4):
        h0, h1, h2, h3 = hidden[d], hidden[d + 1], hidden[d + 2], hidden[d + 3]
        w0, w1, w2, w3 = weights[d], weights[d + 1], weights[d + 2], weights[d + 3]
        for v in range(vocab):
            logits[v] = logits[v] + h0 * w0[v] + h1 * w1[v] + h2 * w2[v] + h3 * w3[v]
    for d in range(whole, dim):
        h0, w0 = hidden[d], weights[d]
        for v in range(vocab):
            logits[v] += h0 * w0[v]


@fused_kernel
def _affine_block(
    hidden: NDArray[np.float32],
    first: int,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    sums: NDArray[np.float32],
    logits: NDArray[np.float32],
) -> None:
    """:func:`_affine_row` of four rows from `first` on."""
    dim, vocab = weights.shape
    whole = dim - dim % 4
    a, b, c, e = hidden[first], hidden[first + 1], hidden[first + 2], hidden[first + 3]
    for begin in range(0, vocab, _TILE):
        width = min(_TILE, vocab - begin)
        for v in range(width):
            sums[v] = sums[_TILE + v] = sums[2 * _TILE + v] = sums[3 * _TILE + v] = bias[begin + v]
        for d in range(0, whole, 4):
            a0, a1, a2, a3 = a[d], a[d + 1], a[d + 2], a[d + 3]
            b0, b1, b2, b3 = b[d], b[d + 1], b[d + 2], b[d + 3]
            c0, c1, c2, c3 = c[d], c[d + 1], c[d + 2], c[d + 3]
            e0, e1, e2, e3 = e[d], e[d + 1], e[d + 2], e[d + 3]
            w0, w1 = weights[d, begin : begin + width], weights[d + 1, begin : begin + width]
            w2, w3 = weights[d + 2, begin : begin + width], weights[d + 3, begin : begin + width]
            for v in range(width):
                x0, x1, x2, x3 = w0[v], w1[v], w2[v], w3[v]
                sums[v] = sums[v] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
                sums[_TILE + v] = sums[_TILE + v] + b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
                sums[2 * _TILE + v] = sums[2 * _TILE + v] + c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
                sums[3 * _TILE + v] = sums[3 * _TILE + v] + e0 * x0 + e1 * x1 + e2 * x2 + e3 * x3
        for d in range(whole, dim):
            for v in range(width):
                x0 = weights[d, begin + v]
                sums[v] += a[d] * x0
                sums[_TILE + v] += b[d] * x0
                sums[2 * _TILE + v] += c[d] * x0
                sums[3 * _TILE + v] += e[d] * x0
        for v in range(width):
            logits[first, begin + v] = sums[v]
            logits[first + 1, begin + v] = sums[_TILE + v]
            logits[first + 2, begin + v] = sums[2 * _TILE + v]
            logits[first + 3, begin + v] = sums[3 * _TILE + v]
