"""numba's compiler with the options that all kernels here use, and with types that mypy follows.

Compiled kernels are kept on disk beside their sources (or under NUMBA_CACHE_DIR). numba renews a
kernel when its own file changes but not when one that it calls does: after editing a kernel, delete
`__pycache__` of this service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compiles for the calling thread, without the interpreter lock; kept on disk between runs."""
    return _compile(function, set())


def fused_kernel(function: F) -> F:
    """:func:`kernel` that may fuse a product and a sum into one step (more exact, and faster)."""
    return _compile(function, {"contract"})


def summing_kernel(function: F) -> F:
    """:func:`fused_kernel` that may add up in another order, which vector instructions need."""
    return _compile(function, {"contract", "reassoc"})


def _compile(function: F, fast_math: set[str]) -> F:
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",  # a check for division by zero would rule out vector instructions
        "fastmath": fast_math,
    }
    try:
        return cast(F, njit(**options, cache=True)(function))
    except RuntimeError:  # nowhere to write: a read-only container without a home folder
        return cast(F, njit(**options)(function))
