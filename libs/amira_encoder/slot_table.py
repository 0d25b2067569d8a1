"""The slot table: states of all open streams, which never leave the engine's process.

Batching across streams without moving their states: a step names the slots it is for, their rows
are gathered into one batch, the encoder runs once, and the new states are scattered back.

Each slot knows the generation it was reset with. A row of another generation is from a stream that
has lost its slot (its decoder restarted, or this process did), so it is refused and nothing else
is touched. That makes it impossible for one stream to read or write another one's state.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amira_encoder.engine import Arrays, Engine
from amira_encoder.errors import EncoderModelError
from amira_encoder.geometry import EncoderGeometry
from amira_encoder.graph import EncoderGraph, StateTensor

Features = NDArray[np.float32]
_NO_GENERATION = -1


class SlotTable:
    """Runs an encoder over `slots` streams. Not thread-safe."""

    def __init__(self, graph: EncoderGraph, engine: Engine, slots: int, fingerprint: str = "") -> None:
        """Runs the encoder once on silence. `fingerprint` is the graph's, for whoever asks what runs here.

        Raises EncoderModelError when the encoder does not do what it declares.
        """
        if slots < 1:
            raise ValueError(f"a slot table needs at least one slot, not {slots}")
        self.slots = slots
        self.graph = graph
        self.engine = engine
        self.fingerprint = fingerprint
        self.geometry = _probe(graph, engine)
        self._states = [_StateTable(state, slots) for state in graph.states]
        self._generations = np.full(slots, _NO_GENERATION, np.int64)

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
        if rows.size:
            for part in np.split(rows, rows.size) if self.engine.row_at_a_time else (rows,):
                self._advance(part, features, slots, reset, out)
            self._generations[slots[rows]] = generations[rows]
        return out, accepted

    def _advance(
        self,
        rows: NDArray[np.intp],
        features: Features,
        slots: NDArray[np.int32],
        reset: NDArray[np.bool_],
        out: NDArray[np.float32],
    ) -> None:
        every_row = rows.size == len(slots)
        chosen = slots if every_row else slots[rows]
        fresh = np.flatnonzero(reset[rows])
        inputs: dict[str, NDArray[Any]] = {table.name: table.gather(chosen, fresh) for table in self._states}
        batch = features if every_row else features[rows]
        inputs[self.graph.features_name] = np.ascontiguousarray(batch)
        results = self.engine.run(inputs)
        out[rows] = results[self.graph.output_name]
        # Only now: a failed run leaves every stream where it was.
        for table in self._states:
            if table.result_name is None:
                table.count(chosen, fresh, self.geometry.output_frames)
            else:
                table.scatter(chosen, results[table.result_name])

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


def _probe(graph: EncoderGraph, engine: Engine) -> EncoderGeometry:
    """Learns the output's size, which exports often do not declare, and holds the graph to its shapes.

    Several rows, because a batch size that was baked into a graph by mistake shows only there; as many as
    no state has of anything else.
    """
    sizes = {size for state in graph.states for size in state.shape}
    rows = 1 if engine.row_at_a_time else next(rows for rows in count(2) if rows not in sizes)
    try:
        results = engine.run(graph.zero_inputs(rows))
    except Exception as error:  # engines' own exceptions have no common base
        raise EncoderModelError(f"{graph.path}: the encoder cannot run {rows} stream(s): {error}") from error
    output = results[graph.output_name]
    if output.ndim != 3 or output.shape[0] != rows or output.dtype != np.float32 or 0 in output.shape:
        raise EncoderModelError(
            f"{graph.path}: {graph.output_name} must be float32 [{rows}, T', D] for {rows} streams, "
            f"not {output.dtype} {list(output.shape)}"
        )
    for state in graph.states:
        _check_result(graph, state, rows, results)
    return EncoderGeometry(
        window_frames=graph.window_frames,
        chunk_frames=graph.chunk_frames,
        feature_dim=graph.feature_dim,
        output_frames=output.shape[1],
        output_dim=output.shape[2],
        output_delay_frames=graph.output_delay_frames,
    )


def _check_result(graph: EncoderGraph, state: StateTensor, rows: int, results: Arrays) -> None:
    if state.result_name is None:
        return
    result, shape = results[state.result_name], state.batch_shape(rows)
    if result.shape != shape or result.dtype != state.dtype:
        raise EncoderModelError(
            f"{graph.path}: state {state.name} is {state.dtype} {list(shape)} for {rows} streams, but comes "
            f"back as {state.result_name} {result.dtype} {list(result.shape)}"
        )


class _StateTable:
    """One state of all slots, in the graph's own layout so that each way costs one copy."""

    def __init__(self, state: StateTensor, slots: int) -> None:
        self.name = state.name
        self.result_name = state.result_name
        self._state = state
        self._axis = state.batch_axis
        self._table = np.zeros(state.batch_shape(slots), state.dtype)
        self._buffer = np.empty(self._table.size, state.dtype)
        self._row_size = self._table.size // slots

    def gather(self, slots: NDArray[np.int32], fresh: NDArray[np.intp]) -> NDArray[Any]:
        """The states of `slots` as one batch, those at the positions `fresh` zeroed."""
        rows = len(slots)
        batch = self._buffer[: rows * self._row_size].reshape(self._state.batch_shape(rows))
        # mode="clip" because "raise" makes numpy copy twice; the slots are already checked.
        np.take(self._table, slots, axis=self._axis, out=batch, mode="clip")
        if fresh.size:
            batch[self._at(fresh)] = 0
        return batch

    def scatter(self, slots: NDArray[np.int32], batch: NDArray[Any]) -> None:
        """Puts a batch of states back into `slots`."""
        self._table[self._at(slots)] = batch

    def count(self, slots: NDArray[np.int32], fresh: NDArray[np.intp], frames: int) -> None:
        """Adds `frames` to a count that the graph does not give back, from zero at the positions `fresh`."""
        self._table[self._at(slots[fresh])] = 0
        self._table[self._at(slots)] += self._state.dtype.type(frames)

    def _at(self, positions: NDArray[Any]) -> tuple[Any, ...]:
        return (*(slice(None) for _ in range(self._axis)), positions)
