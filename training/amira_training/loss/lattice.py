"""The forward-backward recursions over transducer lattices, in numba, on the CPU.

A lattice of one utterance has S + 1 rows (tokens said so far) and T frames. From (s, t) a path goes on
with token s + 1 to (s + 1, t), or with blank to (s, t + 1); it ends with the blank of (S, T - 1). The
derivative of a lattice's log-likelihood by the log-probability of an arc is the arc's occupancy: the
probability that a path takes it. So one pass computes loss and gradient, and torch sees neither the
recursion nor its intermediate values.

Everything is float32 outside and float64 inside. All kernels live in this file: numba renews compiled
code when its own file changes, but not when another file that it calls does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]
F = TypeVar("F", bound=Callable[..., Any])

IMPOSSIBLE = -1e30
"""The log-likelihood of a lattice without a path from start to end."""


def _kernel(function: F) -> F:
    return cast(F, numba.njit(nogil=True, cache=True)(function))


def occupy_full(
    tokens: Floats, blanks: Floats, token_counts: Integers, frame_counts: Integers
) -> tuple[Floats, Floats, Floats]:
    """Log-likelihoods and occupancies of whole lattices.

    Args:
        tokens: ``[N, U, T]`` log-probability of token u + 1 at (u, t).
        blanks: ``[N, U + 1, T]`` of blank.
        token_counts: ``[N]``, S of each lattice, at most U.
        frame_counts: ``[N]``, T of each lattice, at least 1.

    Returns:
        ``[N]`` log-likelihoods, and the occupancies in the shapes of ``tokens`` and ``blanks``.
    """
    by_token, by_blank = np.zeros_like(tokens), np.zeros_like(blanks)
    likelihoods = np.empty(len(tokens), np.float32)

    def one(n: int) -> None:
        likelihoods[n] = _full(
            tokens[n], blanks[n], token_counts[n], frame_counts[n], by_token[n], by_blank[n]
        )

    _for_each(one, len(tokens))
    return likelihoods, by_token, by_blank


def occupy_pruned(
    tokens: Floats, blanks: Floats, starts: Integers, token_counts: Integers, frame_counts: Integers
) -> tuple[Floats, Floats, Floats]:
    """The same within a band: at frame t only the rows from ``starts[t]`` on, R of them.

    Args:
        tokens: ``[N, T, R]`` log-probability of the next token at (starts[t] + r, t).
        blanks: ``[N, T, R]`` of blank.
        starts: ``[N, T]``, see :mod:`amira_training.loss.pruning`.
        token_counts: ``[N]``.
        frame_counts: ``[N]``.

    Returns:
        ``[N]`` log-likelihoods, :data:`IMPOSSIBLE` where the band holds no path, and occupancies.
    """
    by_token, by_blank = np.zeros_like(tokens), np.zeros_like(blanks)
    likelihoods = np.empty(len(tokens), np.float32)

    def one(n: int) -> None:
        likelihoods[n] = _pruned(
            tokens[n], blanks[n], starts[n], token_counts[n], frame_counts[n], by_token[n], by_blank[n]
        )

    _for_each(one, len(tokens))
    return likelihoods, by_token, by_blank


_threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="lattice")
# Not numba's own parallel loops: their threads and torch's would wait for each other's cores.


def _for_each(work: Callable[[int], None], count: int) -> None:
    for _ in _threads.map(work, range(count)):
        pass


@_kernel
def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    if b <= IMPOSSIBLE:
        return a
    return a + math.log1p(math.exp(b - a))


@_kernel
def _full(
    tokens: Floats, blanks: Floats, rows: int, frames: int, by_token: Floats, by_blank: Floats
) -> float:
    before = np.full((rows + 1, frames + 1), IMPOSSIBLE)
    before[0, 0] = 0.0
    for t in range(frames):
        for s in range(rows + 1):
            if s > 0:
                before[s, t] = _log_add(before[s, t], before[s - 1, t] + tokens[s - 1, t])
            before[s, t + 1] = before[s, t] + blanks[s, t]
    total = before[rows, frames]

    after = np.full((rows + 1, frames + 1), IMPOSSIBLE)
    after[rows, frames] = 0.0
    for t in range(frames - 1, -1, -1):
        for s in range(rows, -1, -1):
            ahead = blanks[s, t] + after[s, t + 1]
            by_blank[s, t] = math.exp(min(0.0, before[s, t] + ahead - total))
            if s < rows:
                up = tokens[s, t] + after[s + 1, t]
                by_token[s, t] = math.exp(min(0.0, before[s, t] + up - total))
                ahead = _log_add(ahead, up)
            after[s, t] = ahead
    return total


@_kernel
def _pruned(
    tokens: Floats,
    blanks: Floats,
    starts: Integers,
    rows: int,
    frames: int,
    by_token: Floats,
    by_blank: Floats,
) -> float:
    width = tokens.shape[1]
    last = rows - starts[frames - 1]
    if starts[0] != 0 or last < 0 or last >= width:
        return IMPOSSIBLE

    before = np.full((frames, width), IMPOSSIBLE)
    before[0, 0] = 0.0
    for t in range(frames):
        for r in range(min(width, rows - starts[t] + 1)):
            if r > 0:
                before[t, r] = _log_add(before[t, r], before[t, r - 1] + tokens[t, r - 1])
            if t + 1 < frames:
                next_r = starts[t] + r - starts[t + 1]
                if 0 <= next_r < width:
                    before[t + 1, next_r] = before[t, r] + blanks[t, r]
    total = before[frames - 1, last] + blanks[frames - 1, last]
    if total <= IMPOSSIBLE / 2:
        return IMPOSSIBLE

    after = np.full((frames, width), IMPOSSIBLE)
    for t in range(frames - 1, -1, -1):
        for r in range(min(width, rows - starts[t] + 1) - 1, -1, -1):
            ahead = IMPOSSIBLE
            if t == frames - 1:
                if r == last:
                    ahead = blanks[t, r]
            else:
                next_r = starts[t] + r - starts[t + 1]
                if 0 <= next_r < width:
                    ahead = blanks[t, r] + after[t + 1, next_r]
            if ahead > IMPOSSIBLE / 2:
                by_blank[t, r] = math.exp(min(0.0, before[t, r] + ahead - total))
            if r + 1 < width and starts[t] + r < rows:
                up = tokens[t, r] + after[t, r + 1]
                if up > IMPOSSIBLE / 2:
                    by_token[t, r] = math.exp(min(0.0, before[t, r] + up - total))
                    ahead = _log_add(ahead, up)
            after[t, r] = ahead
    return total
