"""numba's compiler with the options that all kernels here use, and with types that mypy follows.

Compiled kernels are kept on disk beside their sources (or under NUMBA_CACHE_DIR). numba renews a
kernel when its own file changes but not when one that it calls does, so an upgrade could run the old
version's code: each kernel is given a digest of all kernels' sources, which numba takes into the key.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CellType, FunctionType
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
    keyed = _with_digest(cast(FunctionType, function))
    try:
        return cast(F, njit(**options, cache=True)(keyed))
    except RuntimeError:  # nowhere to write: a read-only container without a home folder
        return cast(F, njit(**options)(keyed))


def _with_digest(function: FunctionType) -> FunctionType:
    """The same function with the digest in its closure, whose contents are part of numba's key."""
    code = function.__code__.replace(co_freevars=(*function.__code__.co_freevars, "sources"))
    closure = (*(function.__closure__ or ()), CellType(_digest_of_sources()))
    keyed = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    keyed.__doc__ = function.__doc__
    keyed.__qualname__ = function.__qualname__
    return keyed


@cache
def _digest_of_sources() -> int:
    package = Path(__file__).parent.parent
    sources = sorted([*package.glob("model/*.py"), *package.glob("search/*.py")])
    return zlib.crc32(b"".join(source.read_bytes() for source in sources))
