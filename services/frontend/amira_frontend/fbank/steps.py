"""The steps from samples to energies, each for `LANES` frames at once.

A frame occupies one lane of every vector, so that all steps are plain vector arithmetic without any
shuffling. The steps do the same float32 operations in the same order as kaldi-native-fbank (whose FFT
is a radix-4 decimation in time): beside a loud tone, quiet bins hold little but rounding errors, and
two float32 FFTs that round differently disagree there by several percent.

The spectrum of 512 real points comes from a complex FFT of 256 (even samples as real, odd ones as
imaginary part) in four radix-4 passes, of which the first brings the points into base-4
digit-reversed order and the others work in place.

All indices into work spaces are in elements; a vector for point p is at ``p * LANES``.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# The functions below are compiled by numba, which infers their types.

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from amira_frontend.fbank import tables
from amira_frontend.fbank.lanes import (
    LANES,
    floored_log,
    load,
    splat,
    store,
    transpose,
)
from amira_frontend.fbank.tables import BINS, FFT_SIZE, FRAME_LENGTH, FRAME_SHIFT

_POINTS: Final = FFT_SIZE // 2
_USED: Final = FRAME_LENGTH // 2  # points that are not zero padding
_QUARTER: Final = _POINTS // 4

# The work space. Powers overwrite the windowed samples, which the FFT's first pass has read.
_RE: Final = 0
_IM: Final = _RE + _POINTS * LANES
_TIME: Final = _IM + _POINTS * LANES
_POWER: Final = _TIME
_MEL: Final = _POWER + _POINTS * LANES
WORK_FLOATS: Final = max(_TIME + FRAME_LENGTH * LANES, _MEL + BINS * LANES)

_WINDOW: Final = tables.povey_window()
_BANK: Final = tables.mel_bank()
_WEIGHTS: Final = _BANK.weights
_OFFSET: Final = _BANK.offset
_FIRST_BIN: Final = _BANK.first
_ROOTS: Final = tables.unit_roots(np.arange(_POINTS) / _POINTS)
_REAL_ROOTS: Final = tables.unit_roots(np.arange(_POINTS // 2 + 1) / FFT_SIZE + 0.25)
_PLACE: Final = tables.base4_reversal(_POINTS) * LANES

_PREEMPHASIS: Final = np.float32(tables.PREEMPHASIS)
_LENGTH: Final = np.float32(FRAME_LENGTH)
_FLOOR: Final = np.float32(tables.ENERGY_FLOOR)
_ZERO: Final = np.float32(0)

_step = numba.njit(nogil=True)


@_step
def read_frames(samples, start, work):
    """Takes the samples of LANES frames; removes the mean, pre-emphasizes, windows."""
    for i in range(0, FRAME_LENGTH, LANES):
        transpose(samples, start + i, FRAME_SHIFT, work, _TIME + i * LANES, LANES)
    total = splat(_ZERO)
    for i in range(FRAME_LENGTH):
        total = total + load(work, _TIME + i * LANES)
    mean = total / splat(_LENGTH)
    emphasis = splat(_PREEMPHASIS)
    previous = load(work, _TIME) - mean
    for i in range(FRAME_LENGTH):
        sample = load(work, _TIME + i * LANES) - mean
        store(work, _TIME + i * LANES, (sample - emphasis * previous) * splat(_WINDOW[i]))
        previous = sample


@_step
def transform(work):
    """The FFT of the windowed samples taken as _POINTS complex points."""
    _first_pass(work)
    step = 4
    while step < _POINTS:
        for j in range(step):
            turn = j * (_POINTS // (4 * step))
            for block in range(j, _POINTS, 4 * step):
                _turned_butterfly(work, block * LANES, step * LANES, turn)
        step *= 4


@_step
def _first_pass(work):
    """Butterflies of the points j, j + 64, j + 128, j + 192; those behind _USED are zero."""
    zero = splat(_ZERO)
    for j in range(_QUARTER):
        i = _TIME + 2 * j * LANES
        far = 2 * _QUARTER * LANES
        x0, y0 = load(work, i), load(work, i + LANES)
        x1, y1 = load(work, i + far), load(work, i + far + LANES)
        x2, y2 = load(work, i + 2 * far), load(work, i + 2 * far + LANES)
        if j + 3 * _QUARTER < _USED:
            x3, y3 = load(work, i + 3 * far), load(work, i + 3 * far + LANES)
            _butterfly(work, _PLACE[j], LANES, x0, y0, x1, y1, x2, zero, y2, x3, zero, y3)
        else:
            _butterfly(work, _PLACE[j], LANES, x0, y0, x1, y1, x2, zero, y2, zero, zero, zero)


@_step
def _turned_butterfly(work, i, far, turn):
    """Butterfly of the points at i, i + far, ..., each turned by its root of one before."""
    a1, b1, y1 = _turned(work, i + far, turn)
    a2, b2, y2 = _turned(work, i + 2 * far, 2 * turn)
    a3, b3, y3 = _turned(work, i + 3 * far, 3 * turn)
    x0, y0 = load(work, _RE + i), load(work, _IM + i)
    _butterfly(work, i, far, x0, y0, a1 - b1, y1, a2, b2, y2, a3, b3, y3)


@_step
def _turned(work, i, turn):
    """The point at i times the `turn`-th root of one: (a - b) + iy, as a, b, y."""
    x, y = load(work, _RE + i), load(work, _IM + i)
    cosine, sine = splat(_ROOTS[turn, 0]), splat(_ROOTS[turn, 1])
    return x * cosine, y * sine, y * cosine + x * sine


@_step
def _butterfly(work, i, far, x0, y0, x1, y1, a2, b2, y2, a3, b3, y3):
    """Fourier transform of four points, stored at i, i + far, i + 2 far, i + 3 far.

    The real parts of the last two come as differences a - b that are not taken yet: the order of
    these sums decides how they round.
    """
    even_x, even_y = (x0 + a2) - b2, y0 + y2
    other_x, other_y = (x0 + b2) - a2, y0 - y2
    odd_x, odd_y = (x1 - b3) + a3, y1 + y3
    turned_y = (x1 - a3) + b3
    store(work, _RE + i, even_x + odd_x)
    store(work, _IM + i, even_y + odd_y)
    store(work, _RE + i + far, (other_x + y1) - y3)
    store(work, _IM + i + far, other_y - turned_y)
    store(work, _RE + i + 2 * far, even_x - odd_x)
    store(work, _IM + i + 2 * far, even_y - odd_y)
    store(work, _RE + i + 3 * far, (other_x + y3) - y1)
    store(work, _IM + i + 3 * far, other_y + turned_y)


@_step
def take_power(work):
    """Power spectrum of the real signal: bins k and _POINTS - k come from the same two points."""
    half = splat(np.float32(0.5))
    for k in range(1, _POINTS // 2 + 1):
        a, b = k * LANES, (_POINTS - k) * LANES
        ax, ay, bx, by = load(work, _RE + a), load(work, _IM + a), load(work, _RE + b), load(work, _IM + b)
        even_x, even_y, odd_x, odd_y = ax + bx, ay - by, ax - bx, ay + by
        cosine, sine = splat(_REAL_ROOTS[k, 0]), splat(_REAL_ROOTS[k, 1])
        right, left = odd_x * cosine, odd_y * sine
        turned_y = odd_y * cosine + odd_x * sine
        x, y = ((even_x + right) - left) * half, (even_y + turned_y) * half
        store(work, _POWER + a, x * x + y * y)
        x, y = ((even_x + left) - right) * half, (turned_y - even_y) * half
        store(work, _POWER + b, x * x + y * y)


@_step
def write_energies(work, out, row):
    """Logarithms of the mel energies, into rows row .. row + LANES of the flat `out`."""
    for b in range(BINS):
        energy = splat(_ZERO)
        power = _POWER + _FIRST_BIN[b] * LANES
        for k in range(_OFFSET[b], _OFFSET[b + 1]):
            energy = energy + splat(_WEIGHTS[k]) * load(work, power)
            power += LANES
        store(work, _MEL + b * LANES, floored_log(energy, splat(_FLOOR)))
    for b in range(0, BINS, LANES):
        transpose(work, _MEL + b * LANES, LANES, out, row * BINS + b, BINS)
