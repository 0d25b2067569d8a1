"""States of streams that go through the engine with every chunk.

Batching across streams without moving their states out of the process: the rows of a step are gathered
from the table into one batch, the encoder runs once, and the new states are scattered back.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amira_encoder.engine import Arrays, Engine
from amira_encoder.errors import EncoderModelError
from amira_encoder.geometry import EncoderGeometry
from amira_encoder.graph import EncoderGraph, StateTensor

Features = NDArray[np.float32]


class GraphRunner:
    """See :class:`amira_encoder.runner.Runner`: any streaming encoder, in any engine."""

    def __init__(self, graph: EncoderGraph, engine: Engine, slots: int) -> None:
        """Runs the encoder once on silence.

        Raises EncoderModelError when the encoder does not do what it declares.
        """
        self.slots = slots
        self.engine = engine
        self.geometry = _probe(graph, engine)
        self._graph = graph
        self._states = [_StateTable(state, slots) for state in graph.states]

    @property
    def name(self) -> str:
        """The engine's."""
        return self.engine.name

    @property
    def threads(self) -> int:
        """The engine's."""
        return self.engine.threads

    @property
    def bytes_per_slot(self) -> int:
        """Of all states together."""
        return sum(state.bytes_per_stream for state in self._graph.states)

    @property
    def row_at_a_time(self) -> bool:
        """The engine's."""
        return self.engine.row_at_a_time

    def advance(
        self, features: Features, slots: NDArray[np.int32], fresh: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Advances n streams by one chunk."""
        if not self.engine.row_at_a_time:
            return self._advance(features, slots, fresh)
        rows = range(len(slots))
        return np.concatenate(
            [self._advance(features[i : i + 1], slots[i : i + 1], fresh[i : i + 1]) for i in rows]
        )

    def _advance(
        self, features: Features, slots: NDArray[np.int32], fresh: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        begun = np.flatnonzero(fresh)
        inputs: dict[str, NDArray[Any]] = {table.name: table.gather(slots, begun) for table in self._states}
        inputs[self._graph.features_name] = np.ascontiguousarray(features)
        results = self.engine.run(inputs)
        # Only now: a failed run leaves every stream where it was.
        for table in self._states:
            if table.result_name is None:
                table.count(slots, begun, self.geometry.output_frames)
            else:
                table.scatter(slots, results[table.result_name])
        return np.array(results[self._graph.output_name])


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
        self._row_size = state.bytes_per_stream // state.dtype.itemsize

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
