"""The kernel: a sum of products per output sample, always in the same order.

The coefficients of one output are multiplied LANES at a time into two vectors of sums, which are added up
at the end. Which products meet in which sum depends on their place in the filter alone: never on where the
output lies in a block, nor on how the input lies in memory. Nothing is fused or reordered, so that the
result is the same on every machine.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# The functions below are compiled by numba, which infers their types.

from __future__ import annotations

import functools
import zlib
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np

from amira_frontend.compiled import compile_kernel
from amira_frontend.fbank import lanes
from amira_frontend.fbank.lanes import LANES, load, splat, total

_SIGNATURE: Final = (
    "void(float32[::1], int64, int64, int64, int64, int64, float32[::1], int64, float32[::1], int64)"
)
_ZERO: Final = np.float32(0)

_step = numba.njit(nogil=True)


@functools.cache
def load_kernel() -> Any:
    """The process's kernel. The first call compiles it (seconds) or loads it from numba's cache.

    It is called with:

    - samples: float32 [n], contiguous
    - first: index of the first sample that the first output takes
    - part: how far the first output lies behind its sample, in parts of `up`
    - up, down: the reduced ratio of the rates
    - phases: how many the filter has
    - coefficients: float32 [(phases + 1) * taps], contiguous
    - taps: per phase
    - out: float32 [m], contiguous, is filled from its start
    - count: how many outputs

    and checks nothing: ``first + (part + (count - 1) * down) // up + taps`` must be at most n, and count
    at most m.
    """
    return compile_kernel(_make_kernel(_source_digest()), _SIGNATURE)


@_step
def _filtered(samples, first, coefficients, row, taps):
    """The sum of products of one phase, which begins at ``coefficients[row]``."""
    even, odd = splat(_ZERO), splat(_ZERO)
    for tap in range(0, taps, 2 * LANES):
        even = even + load(coefficients, row + tap) * load(samples, first + tap)
        odd = odd + load(coefficients, row + tap + LANES) * load(samples, first + tap + LANES)
    return total(even + odd)


def _source_digest() -> int:
    sources = [Path(__file__), Path(__file__).parent.parent / "compiled.py", Path(lanes.__file__)]
    return zlib.crc32(b"".join(source.read_bytes() for source in sources))


def _make_kernel(source_digest: int) -> Any:
    def resample(samples, first, part, up, down, phases, coefficients, taps, out, count):
        # numba's cache is keyed by this function and its closure, not by the modules it calls:
        # without the digest, an upgrade could run the old version's code.
        if source_digest < 0:
            return
        whole, rest = down // up, down % up
        for i in range(count):
            if phases == up:
                out[i] = _filtered(samples, first, coefficients, part * taps, taps)
            else:
                row = part * phases // up * taps
                near = _filtered(samples, first, coefficients, row, taps)
                far = _filtered(samples, first, coefficients, row + taps, taps)
                between = np.float32(part * phases % up) / np.float32(up)
                out[i] = near + between * (far - near)
            first += whole
            part += rest
            if part >= up:
                part -= up
                first += 1

    return resample
