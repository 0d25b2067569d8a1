"""Compiling numba kernels so that a cache on disk is used where it can be, and never needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import structlog

_log = structlog.get_logger(__name__)


def compile_kernel(function: Callable[..., Any], *signatures: str) -> Any:
    """Compiles `function` for `signatures` at once, without the GIL and without reordering arithmetic.

    The code is cached beside the source, or in the user's cache folder (``NUMBA_CACHE_DIR`` moves
    it). Where neither can be written, as in a read-only container, it is compiled anew at each start.
    """
    try:
        return numba.njit(list(signatures), cache=True, nogil=True)(function)
    except (RuntimeError, OSError) as error:
        # RuntimeError: numba found no folder that it may write to. OSError: the write itself failed.
        _log.warning("kernel_cache_unusable", kernel=function.__qualname__, error=str(error))
        return numba.njit(list(signatures), nogil=True)(function)
