"""How the kernels of this folder are compiled."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from amira_encoder.jit import F, compile_kernel, source_digest


def kernel(function: F) -> F:
    """Compiles without the interpreter lock, and without any liberty in arithmetic.

    A stream that goes on in another process must find the same words there. What the compiler may fuse or
    reorder depends on what it inlines, and that on what it finds on disk: so fused steps and sums are
    written out (:func:`amira_encoder.native.tiles.fused`, :func:`amira_encoder.native.tiles.sum_of`).
    """
    return compile_kernel(function, set(), _sources())


def largest_kernel(function: F) -> F:
    """:func:`kernel` for the largest of some numbers: the same in any order, unless there are NaNs."""
    return compile_kernel(function, {"nnan", "nsz"}, _sources())


@cache
def _sources() -> int:
    return source_digest(Path(__file__).parent.glob("*.py"))
