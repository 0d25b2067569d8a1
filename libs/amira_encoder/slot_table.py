"""The slot table: which stream's state is in which slot. States never leave the engine's process.

A step names the slots that it is for, and all of them are encoded in one batch.

Each slot knows the generation it was reset with. A row of another generation is from a stream that
has lost its slot (its decoder restarted, or this process did), so it is refused and nothing else
is touched. That makes it impossible for one stream to read or write another one's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amira_encoder.runner import Runner

Features = NDArray[np.float32]
_NO_GENERATION = -1


class SlotTable:
    """Runs an encoder over streams that hold slots. Not thread-safe."""

    def __init__(self, runner: Runner, fingerprint: str = "") -> None:
        """`fingerprint` is the graph's, for whoever asks what runs here."""
        if runner.slots < 1:
            raise ValueError(f"a slot table needs at least one slot, not {runner.slots}")
        self.slots = runner.slots
        self.runner = runner
        self.geometry = runner.geometry
        self.fingerprint = fingerprint
        self._generations = np.full(self.slots, _NO_GENERATION, np.int64)

    @property
    def live_generations(self) -> int:
        """Slots that hold a stream's state (in use now, or not yet taken over by the next)."""
        return int(np.count_nonzero(self._generations != _NO_GENERATION))

    def step(
        self,
        features: Features,
        slots: NDArray[np.int32],
        generations: NDArray[np.int64],
        reset: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Advances n streams by one chunk.

        Args:
            features: float32 [n, window_frames, feature_dim].
            slots: int32 [n], each row's slot.
            generations: int64 [n], at least 0: the generation each row's stream was given.
            reset: bool [n]: the row starts a stream; its slot's state becomes zero first and its
                generation is adopted, whatever the slot held before.

        Returns:
            Encoder frames, float32 [n, output_frames, output_dim], and accepted, bool [n]. Rows
            that are not accepted are all zero and changed nothing: their generation is not the
            slot's, the slot does not exist, or several rows claim it.

        Raises:
            ValueError: an array has another shape or type; nothing was changed.
        """
        self._check(features, slots, generations, reset)
        accepted = self._acceptable(slots, generations, reset)
        out = np.zeros((len(slots), self.geometry.output_frames, self.geometry.output_dim), np.float32)
        rows = np.flatnonzero(accepted)
        if rows.size == len(slots):
            out = self.runner.advance(features, slots, reset)
        elif rows.size:
            out[rows] = self.runner.advance(features[rows], slots[rows], reset[rows])
        self._generations[slots[rows]] = generations[rows]
        return out, accepted

    def _acceptable(
        self, slots: NDArray[np.int32], generations: NDArray[np.int64], reset: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        in_range = (slots >= 0) & (slots < self.slots)
        known = self._generations[np.where(in_range, slots, 0)] == generations
        accepted: NDArray[np.bool_] = in_range & (generations >= 0) & (known | reset)
        claims = np.bincount(slots[accepted], minlength=self.slots)
        accepted[accepted] = claims[slots[accepted]] == 1
        return accepted

    def _check(
        self,
        features: Features,
        slots: NDArray[np.int32],
        generations: NDArray[np.int64],
        reset: NDArray[np.bool_],
    ) -> None:
        rows = (slots.shape[0],) if slots.ndim else (0,)
        window: tuple[int, ...] = (*rows, self.geometry.window_frames, self.geometry.feature_dim)
        _require("features", features, np.float32, window)
        _require("slots", slots, np.int32, rows)
        _require("generations", generations, np.int64, rows)
        _require("reset", reset, np.bool_, rows)


def _require(name: str, array: NDArray[Any], dtype: type[np.generic], shape: Sequence[int]) -> None:
    if array.dtype != dtype or array.shape != tuple(shape):
        raise ValueError(
            f"{name} must be {np.dtype(dtype)} {list(shape)}, not {array.dtype} {list(array.shape)}"
        )
