"""The arithmetic of the joint network in numba: context table, log-softmax. The joiner: affine_kernels.py.

A context (the last `context_size` tokens) is one integer, its key: digits in base
`vocab_size + 1`, oldest first, each token + 1, so that -1 ("before the beginning") is digit 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.jit import kernel
from amira_decoder.model.vector_math import sum_of_exp, top_of

EMPTY = -1
"""No row, and no key."""
NEVER = -1e4
"""Log-probability of the impossible: finite, so that sums of it stay comparable."""

INITIAL_KEY = 1
"""Key of the context that a segment starts with: -1, ..., -1, blank. As sherpa-onnx and icefall start."""


class JointArrays(NamedTuple):
    """What kernels need of an affine joint network; see model/joint.py."""

    weights: NDArray[np.float32]
    """[D, V]"""
    bias: NDArray[np.float32]
    """[V]"""
    table_keys: NDArray[np.int64]
    table_slots: NDArray[np.int32]
    table_rows: NDArray[np.float32]
    """[contexts, D]"""
    table_priors: NDArray[np.float32]
    """[contexts, V] log-probabilities of tokens without any audio, or [0, V] where nobody asked for them."""
    blank: int
    base: int
    """Of context keys: vocabulary size + 1."""
    modulus: int
    """base ** (context_size - 1)"""


@kernel
def push_key(key: int, token: int, base: int, modulus: int) -> int:
    """Key of a context after one more token."""
    return (key % modulus) * base + token + 1


@kernel
def find_row(key: int, keys: NDArray[np.int64], rows: NDArray[np.int32]) -> int:
    """Row of a context in the table (open addressing, size a power of two), or EMPTY."""
    mask = len(keys) - 1
    at = ((key * 0x9E3779B97F4A7C1) >> 7) & mask
    while keys[at] != EMPTY:
        if keys[at] == key:
            return int(rows[at])
        at = (at + 1) & mask
    return EMPTY


@kernel
def find_rows(
    wanted: NDArray[np.int64], keys: NDArray[np.int64], rows: NDArray[np.int32]
) -> NDArray[np.int32]:
    """:func:`find_row` of many."""
    found = np.empty(len(wanted), np.int32)
    for i in range(len(wanted)):
        found[i] = find_row(wanted[i], keys, rows)
    return found


@kernel
def insert_rows(
    new: NDArray[np.int64], first_row: int, keys: NDArray[np.int64], rows: NDArray[np.int32]
) -> None:
    """Adds absent keys; new[i] gets row first_row + i."""
    mask = len(keys) - 1
    for i in range(len(new)):
        at = ((new[i] * 0x9E3779B97F4A7C1) >> 7) & mask
        while keys[at] != EMPTY:
            at = (at + 1) & mask
        keys[at] = new[i]
        rows[at] = first_row + i


@kernel
def token_priors(values: NDArray[np.float32], blank: int) -> None:
    """In place: log-probabilities [V] of the tokens among themselves from logits; blank's becomes 0."""
    values[blank] = -np.inf
    top = values.max()
    shift = top + np.log(sum_of_exp(values, top))
    for v in range(len(values)):
        values[v] = max(values[v] - shift, np.float32(NEVER))
    values[blank] = 0


@kernel
def log_softmax(values: NDArray[np.float32], blank: int) -> None:
    """In place over logits [V]. Where they hold a NaN or an infinity, blank becomes certain."""
    top = top_of(values)
    if not np.isfinite(top):
        certain_blank(values, blank)
        return
    shift = top + np.log(sum_of_exp(values, top))
    for v in range(len(values)):
        values[v] = max(values[v] - shift, np.float32(NEVER))


@kernel
def likeliest(logits: NDArray[np.float32], blank: int) -> tuple[int, np.float32]:
    """The likeliest token of logits [V] and its log-probability, as after :func:`log_softmax`."""
    top = top_of(logits)
    if not np.isfinite(top):
        return blank, np.float32(0)
    shift = top + np.log(sum_of_exp(logits, top))
    best, token = top - shift, 0
    while logits[token] - shift < best:  # logits that differ may have equal log-probabilities
        token += 1
    return token, best


@kernel
def certain_blank(values: NDArray[np.float32], blank: int) -> None:
    """Log-probabilities [V] of a frame that nothing can be read from."""
    values[:] = np.float32(NEVER)
    values[blank] = 0
