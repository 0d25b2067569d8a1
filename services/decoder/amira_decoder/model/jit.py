"""numba's compiler with the options that all kernels here use, and with types that mypy follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compiles for the calling thread, without the interpreter lock; kept on disk between runs."""
    return cast(F, njit(nogil=True, cache=True)(function))


def fused_kernel(function: F) -> F:
    """:func:`kernel` that may fuse a product and a sum into one step (more exact, and faster)."""
    return cast(F, njit(nogil=True, cache=True, fastmath={"contract"})(function))
