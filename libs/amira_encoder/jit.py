"""Compiling numba kernels, with types that mypy follows, into a cache on disk that is never out of date.

Compiled kernels are kept beside their sources (or under NUMBA_CACHE_DIR). numba renews a kernel when its own
file changes but not when one that it calls does, so an upgrade could run the old version's code: each
kernel is given a digest of all kernels' sources, which numba takes into the key.

The decoder's kernels are compiled by this, too. It is here because Triton may have this package alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compile_kernel(function: F, fast_math: set[str], digest: int) -> F:
    """Compiles at the first call, without the interpreter lock.

    Args:
        function: what numba is to compile.
        fast_math: LLVM's names of the liberties that it may take with arithmetic; empty for none.
        digest: of the sources that `function` and all that it calls come from (:func:`source_digest`).
    """
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",  # a check for division by zero would rule out vector instructions
        "fastmath": fast_math,
    }
    keyed = _with_digest(cast(FunctionType, function), digest)
    try:
        return cast(F, njit(**options, cache=True)(keyed))
    except RuntimeError:  # nowhere to write: a read-only container without a home folder
        return cast(F, njit(**options)(keyed))


def source_digest(sources: Iterable[Path]) -> int:
    """A digest of these files and of this one, which says how they are compiled."""
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted({*sources, Path(__file__)})))


def _with_digest(function: FunctionType, digest: int) -> FunctionType:
    """The same function with the digest in its closure, whose contents are part of numba's key."""
    code = function.__code__.replace(co_freevars=(*function.__code__.co_freevars, "sources"))
    closure = (*(function.__closure__ or ()), CellType(digest))
    keyed = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    keyed.__doc__ = function.__doc__
    keyed.__qualname__ = function.__qualname__
    return keyed
