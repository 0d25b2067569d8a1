"""How the kernels of the predictor, the joiner and the searches are compiled."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from amira_encoder.jit import F, compile_kernel, source_digest


def kernel(function: F) -> F:
    """Compiles for the calling thread, without the interpreter lock; kept on disk between runs."""
    return compile_kernel(function, set(), _sources())


def fused_kernel(function: F) -> F:
    """:func:`kernel` that may fuse a product and a sum into one step (more exact, and faster)."""
    return compile_kernel(function, {"contract"}, _sources())


def summing_kernel(function: F) -> F:
    """:func:`fused_kernel` that may add up in another order, which vector instructions need."""
    return compile_kernel(function, {"contract", "reassoc"}, _sources())


@cache
def _sources() -> int:
    package = Path(__file__).parent.parent
    return source_digest([*package.glob("model/*.py"), *package.glob("search/*.py")])
