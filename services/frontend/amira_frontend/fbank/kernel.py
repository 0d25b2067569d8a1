"""The kernel: samples to log-mel energies, compiled for this machine."""

from __future__ import annotations

import functools
import threading
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from amira_frontend.compiled import compile_kernel
from amira_frontend.fbank import steps
from amira_frontend.fbank.lanes import LANES
from amira_frontend.fbank.tables import FRAME_LENGTH, FRAME_SHIFT, Float32s

READ_BEYOND: Final = (LANES - 1) * FRAME_SHIFT
"""Samples behind the last frame that the kernel may read (and ignore)."""

_CACHE_LINE_BYTES: Final = 64
_SIGNATURE: Final = "void(float32[::1], int64, int64, float32[::1], float32[:, ::1], int64)"


class Kernel:
    """Computes frames. One per process (:func:`load_kernel`); any thread may use it.

    Calls allocate nothing and do not hold the GIL: each thread has one work space, made at its first
    call.
    """

    def __init__(self) -> None:
        self.compiled = compile_kernel(_make_kernel(_source_digest()), _SIGNATURE)
        self._work = _ThreadWork()

    def compute(self, samples: Float32s, first: int, frames: int, out: Float32s, row: int) -> None:
        """Computes `frames` frames into ``out[row:]``; frame f begins at ``samples[first + 160 f]``.

        Args:
            samples: float32 [n], contiguous; READ_BEYOND more than the frames need.
            first: index of the first frame's first sample.
            frames: how many.
            out: float32 [m, 80], contiguous; room for ``padded_rows(frames)`` rows from `row` on.
            row: where to write the first frame.

        Raises:
            IndexError: an array is too short. The compiled code itself does not check.
        """
        last = first + (padded_rows(frames) - 1) * FRAME_SHIFT + FRAME_LENGTH
        if min(first, row, frames) < 0 or (frames and last > len(samples)):
            raise IndexError("samples are missing")
        if row + padded_rows(frames) > len(out):
            raise IndexError("no room for the frames")
        self.compiled(samples, first, frames, self._work.floats, out, row)


class _ThreadWork(threading.local):
    """The work space of one thread, aligned so that no vector straddles cache lines."""

    def __init__(self) -> None:
        floats = np.empty(steps.WORK_FLOATS + _CACHE_LINE_BYTES, np.float32)
        skip = -floats.ctypes.data % _CACHE_LINE_BYTES // floats.itemsize
        self.floats = floats[skip : skip + steps.WORK_FLOATS]


@functools.cache
def load_kernel() -> Kernel:
    """The process's kernel. The first call compiles it (seconds) or loads it from numba's cache."""
    return Kernel()


def padded_rows(frames: int) -> int:
    """Rows that the output of `frames` frames needs: whole groups of LANES."""
    return -(-frames // LANES) * LANES


def _source_digest() -> int:
    folder = Path(__file__).parent
    sources = [folder.parent / "compiled.py", *sorted(folder.glob("*.py"))]
    return zlib.crc32(b"".join(source.read_bytes() for source in sources))


def _make_kernel(source_digest: int) -> Any:
    def fbank(samples, first, frames, work, out, row):  # type: ignore[no-untyped-def]  # numba's
        # numba's cache is keyed by this function and its closure, not by the modules it calls:
        # without the digest, an upgrade could run the old version's code.
        if source_digest < 0:
            return
        flat = out.reshape(out.size)
        for group in range(0, frames, LANES):
            steps.read_frames(samples, first + group * FRAME_SHIFT, work)
            steps.transform(work)
            steps.take_power(work)
            steps.write_energies(work, flat, row + group)

    return fbank
