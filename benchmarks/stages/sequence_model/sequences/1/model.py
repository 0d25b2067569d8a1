"""The encoder with its states by correlation id, as models behind Triton's sequence batcher keep them."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from amira_encoder.engine import open_engine
from amira_encoder.graph import read_graph
from amira_encoder.model_folder import find_encoder
from amira_encoder.options import EncoderOptions


class TritonPythonModel:
    """One instance; the batcher hands over one request of each of several sequences at a time."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the same engine that the slot table would run."""
        options = EncoderOptions.from_environment()
        self._graph = read_graph(find_encoder(options.model_dir))
        self._engine = open_engine(self._graph.path, options.engine, options.threads, options.precision)
        self._states: dict[int, list[Any]] = {}

    def execute(self, requests: list[Any]) -> list[Any]:
        """One batch."""
        ids = [request.correlation_id() for request in requests]
        for id_, request in zip(ids, requests, strict=True):
            if _input(request, "START").any():
                self._states[id_] = [np.zeros(s.batch_shape(1), s.dtype) for s in self._graph.states]
        inputs = {
            state.name: np.concatenate([self._states[id_][at] for id_ in ids], axis=state.batch_axis)
            for at, state in enumerate(self._graph.states)
        }
        inputs[self._graph.features_name] = np.concatenate([_input(r, "FEATURES") for r in requests])
        results = self._engine.run(inputs)
        answers = []
        for row, (id_, request) in enumerate(zip(ids, requests, strict=True)):
            for at, state in enumerate(self._graph.states):
                new = np.take(results[state.result_name or ""], [row], axis=state.batch_axis)
                self._states[id_][at] = np.ascontiguousarray(new)
            if _input(request, "END").any():
                del self._states[id_]
            frames = np.ascontiguousarray(results[self._graph.output_name][row : row + 1])
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("ENCODER_OUT", frames)]))
        return answers


def _input(request: Any, name: str) -> Any:
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy()
