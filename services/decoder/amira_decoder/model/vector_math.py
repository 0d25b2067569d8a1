"""exp, tanh and the like over arrays, written so that the compiler turns them into vector instructions.

The C library's versions take one number at a time, which was five sixths of a joiner row's time.
Relative error of exp and absolute error of tanh are below 3e-7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.jit import fused_kernel, kernel, summing_kernel

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(np.log(2) - 0.693359375)
_ROUNDER = np.float32(1.5 * 2**23)
"""Adding and taking away leaves the nearest whole number."""
_LOWEST, _HIGHEST = np.float32(-87), np.float32(88)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_MAGNITUDE, _INFINITY = np.int32(0x7FFFFFFF), np.int32(0x7F800000)
"""Of a float's bits: all but the sign; those of infinity, above which are NaNs."""
_LOWEST_KEY = np.int32(-0x7F800001)
"""Minus infinity's bits, negative floats' magnitudes turned over so that they rise with the floats."""
_C2, _C3, _C4, _C5, _C6 = (np.float32(1 / n) for n in (2, 6, 24, 120, 720))


@fused_kernel
def exp_of(x: np.float32) -> np.float32:
    """e ** x for one float32; below -87 as at -87, above 88 as at 88. NaN gives some number."""
    x = x if x > _LOWEST else _LOWEST
    x = x if x < _HIGHEST else _HIGHEST
    whole = (x * _LOG2_E + _ROUNDER) - _ROUNDER
    rest = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = _ONE + rest * (_ONE + rest * (_C2 + rest * (_C3 + rest * (_C4 + rest * (_C5 + rest * _C6)))))
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return series * power


@fused_kernel
def tanh_of_sum(a: NDArray[np.float32], b: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """out = tanh(a + b), all [n]."""
    for i in range(len(out)):
        x = a[i] + b[i]
        small = exp_of(-_TWO * abs(x))
        magnitude = (_ONE - small) / (_ONE + small)
        out[i] = magnitude if x > _ZERO else -magnitude


@summing_kernel
def sum_of_exp(values: NDArray[np.float32], top: np.float32) -> np.float32:
    """Sum of exp(values - top) over [n]."""
    total = _ZERO
    for i in range(len(values)):
        total += exp_of(values[i] - top)
    return total


@kernel
def top_of(values: NDArray[np.float32]) -> np.float32:
    """The largest of [n], or NaN where one of them is NaN; minus infinity of none.

    Compared as whole numbers, whose order is that of the floats: the compiler leaves comparisons of floats
    that may be NaN one by one.
    """
    top, largest = np.int32(_LOWEST_KEY), np.int32(0)
    bits = values.view(np.int32)
    for i in range(len(bits)):
        magnitude = bits[i] & _MAGNITUDE
        largest = max(largest, magnitude)
        top = max(top, bits[i] if bits[i] >= 0 else bits[i] ^ _MAGNITUDE)
    if largest > _INFINITY:
        return np.float32(np.nan)
    return np.int32(top if top >= 0 else top ^ _MAGNITUDE).view(np.float32)


@kernel
def all_finite(values: NDArray[np.float32]) -> bool:
    """Whether none of [n] is NaN or infinite."""
    largest = np.int32(0)
    bits = values.view(np.int32)
    for i in range(len(bits)):
        largest = max(largest, bits[i] & _MAGNITUDE)
    return bool(largest < _INFINITY)
