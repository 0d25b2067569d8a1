"""numba's compiler with the options that all kernels here use, and with types that mypy follows.

numba keeps compiled kernels on disk and renews one when its own file changes, but not when one that it
calls does. So each kernel is given a digest of all kernels' sources, which numba takes into the key.
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
    """Compiles without the interpreter lock, and without any liberty in arithmetic.

    A stream that goes on in another process must find the same words there. What the compiler may fuse or
    reorder depends on what it inlines, and that on what it finds on disk: so fused steps and sums are
    written out (:func:`amira_encoder.native.tiles.fused`, :func:`amira_encoder.native.tiles.sum_of`).
    """
    return _compile(function, set())


def largest_kernel(function: F) -> F:
    """:func:`kernel` for the largest of some numbers: the same in any order, unless there are NaNs."""
    return _compile(function, {"nnan", "nsz"})


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
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
