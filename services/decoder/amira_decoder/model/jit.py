"""numba's compiler with the options that all kernels here use, and with types that mypy follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",  # a check for division by zero would rule out vector instructions
}

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compiles for the calling thread, without the interpreter lock; kept on disk between runs."""
    return cast(F, njit(**_OPTIONS)(function))


def fused_kernel(function: F) -> F:
    """:func:`kernel` that may fuse a product and a sum into one step (more exact, and faster)."""
    return cast(F, njit(**_OPTIONS, fastmath={"contract"})(function))


def summing_kernel(function: F) -> F:
    """:func:`fused_kernel` that may add up in another order, which vector instructions need."""
    return cast(F, njit(**_OPTIONS, fastmath={"contract", "reassoc"})(function))
