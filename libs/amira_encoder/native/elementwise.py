"""Functions of single numbers and of rows, written so that the compiler makes vector instructions of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amira_encoder.native.jit import kernel
from amira_encoder.native.tiles import fused, sum_of

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(np.log(2) - 0.693359375)
_ROUNDER = np.float32(1.5 * 2**23)
"""Adding and taking away leaves the nearest whole number."""
_LOWEST = np.float32(-87)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_C2, _C3, _C4, _C5, _C6 = (np.float32(1 / n) for n in (2, 6, 24, 120, 720))

_SQRT_HALF = np.float32(np.sqrt(0.5))
# Abramowitz and Stegun 7.1.26: erf to 1.5e-7.
_P = np.float32(0.3275911)
_A1, _A2, _A3, _A4, _A5 = (
    np.float32(a) for a in (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
)
_NORM_EPSILON = np.float32(1e-5)


@kernel
def exp_of_negative(x: np.float32) -> np.float32:
    """e ** x for x at most 0, to 3e-7 of it; below -87 as at -87."""
    x = x if x > _LOWEST else _LOWEST
    whole = fused(x, _LOG2_E, _ROUNDER) - _ROUNDER
    rest = fused(-whole, _LN2_LOW, fused(-whole, _LN2_HIGH, x))
    series = fused(rest, fused(rest, fused(rest, fused(rest, fused(rest, _C6, _C5), _C4), _C3), _C2), _ONE)
    series = fused(rest, series, _ONE)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(series * power)


@kernel
def gelu(x: np.float32) -> np.float32:
    """x times the normal distribution's integral up to x (Hendrycks and Gimpel 2016), by erf."""
    z = abs(x) * _SQRT_HALF
    t = _ONE / fused(_P, z, _ONE)
    series = fused(t, fused(t, fused(t, fused(t, _A5, _A4), _A3), _A2), _A1)
    tail = t * series * exp_of_negative(-z * z)
    # One half of erfc on the side of x's sign.
    return np.float32(x * (_ONE - _HALF * tail) if x > _ZERO else x * (_HALF * tail))


@kernel
def normalize_row(
    x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Layer norm over one row; all [n] with n a multiple of sixteen, `out` another array than `x`."""
    size = len(x)
    mean = sum_of(x.ctypes.data, size) / np.float32(size)
    for i in range(size):
        out[i] = (x[i] - mean) * (x[i] - mean)
    variance = sum_of(out.ctypes.data, size) / np.float32(size)
    inverse_deviation = _ONE / np.sqrt(variance + _NORM_EPSILON)
    for i in range(size):
        out[i] = fused((x[i] - mean) * inverse_deviation, weight[i], bias[i])


@kernel
def to_bfloat16(x: np.float32) -> np.uint16:
    """The nearest number of bfloat16, as its bits."""
    bits = np.float32(x).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@kernel
def from_bfloat16(bits: np.uint16) -> np.float32:
    """The number that these bits are in bfloat16."""
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)
