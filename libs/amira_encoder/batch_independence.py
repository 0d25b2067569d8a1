"""Finding out whether a stream's result would depend on who shares its batch.

Engines choose their kernels by the size of the batch, and not all kernels add up or round alike:
OpenVINO rounds activations to int8 only in products of enough rows, so that a model with few frames a
chunk (LSTM: one) gives other results alone than among others. Which models are hit depends on engine,
CPU and layer sizes, so each is tried when it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from amira_encoder.engine import Arrays, Engine
from amira_encoder.graph import EncoderGraph

_ROWS = 8
"""Largest batch that is tried; differences were seen from 2 or from 5 rows on."""


class RowByRow:
    """An engine whose rows must not share a run. See :class:`amira_encoder.engine.Engine`."""

    row_at_a_time = True

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = f"{engine.name}, row by row"
        self.threads = engine.threads

    def run(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
        """Runs the graph once."""
        return self._engine.run(inputs)


def is_batch_independent(graph: EncoderGraph, engine: Engine) -> bool:
    """Whether streams' second chunks come out bit for bit alike alone and among others.

    Noise is encoded, with the level of log-mel speech; the states afterwards are compared too.
    """
    noise = np.random.default_rng(0)
    shape = (_ROWS, graph.window_frames, graph.feature_dim)
    first, second = (noise.standard_normal(shape, np.float32) * 4 - 8 for _ in range(2))
    results = engine.run({**graph.zero_inputs(_ROWS), graph.features_name: first})
    frames = results[graph.output_name].shape[1]
    batch: Arrays = {graph.features_name: second}
    for state in graph.states:
        count = np.full(state.batch_shape(_ROWS), frames, state.dtype)
        batch[state.name] = count if state.result_name is None else results[state.result_name].copy()
    alone = [_run(graph, engine, batch, [row])[0] for row in range(_ROWS)]
    return all(_run(graph, engine, batch, list(range(rows))) == alone[:rows] for rows in (2, _ROWS))


def _run(graph: EncoderGraph, engine: Engine, batch: Arrays, rows: list[int]) -> list[list[bytes]]:
    """Runs some rows of a batch; gives each row's results as bytes."""
    axes = {graph.features_name: 0, **{state.name: state.batch_axis for state in graph.states}}
    results = engine.run(
        {name: np.ascontiguousarray(np.take(array, rows, axes[name])) for name, array in batch.items()}
    )
    result_axes = {state.result_name: state.batch_axis for state in graph.states if state.result_name}
    result_axes[graph.output_name] = 0
    return [
        [np.take(results[name], row, axis).tobytes() for name, axis in result_axes.items()]
        for row in range(len(rows))
    ]
