"""int8 products: close to float32 on the real encoder, and the same whatever the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from amira_encoder.engine import Arrays, open_engine
from amira_encoder.graph import EncoderGraph, read_graph
from amira_encoder.model_folder import find_encoder
from tests.conftest import ROOT
from tests.support.features import fbank_of

pytest.importorskip("openvino", reason="openvino is optional")

PLACES = 24


@pytest.fixture(scope="module")
def graph(model_dir: Path) -> EncoderGraph:
    return read_graph(find_encoder(model_dir))


@pytest.fixture(scope="module")
def steps(graph: EncoderGraph) -> Arrays:
    """Chunks at places all over the demo clip, each with the states that a stream has there, as one batch."""
    frames = fbank_of(ROOT / "demo" / "speech" / "sense-and-sensibility.flac")
    begins = range(0, len(frames) - graph.window_frames, graph.chunk_frames)
    chosen = set(np.linspace(1, len(begins) - 1, PLACES).astype(int).tolist())
    engine = open_engine(graph.path, "onnxruntime")
    inputs, seen = graph.zero_inputs(1), list[Arrays]()
    for number, begin in enumerate(begins):
        inputs[graph.features_name] = frames[None, begin : begin + graph.window_frames]
        if number in chosen:
            seen.append(dict(inputs))
        results = engine.run(inputs)
        inputs |= {state.name: results[str(state.result_name)].copy() for state in graph.states}
    return {name: np.concatenate([step[name] for step in seen], axis_of(graph, name)) for name in inputs}


def axis_of(graph: EncoderGraph, name: str) -> int:
    """The batch's axis of an input."""
    return next((state.batch_axis for state in graph.states if state.name == name), 0)


def rows(graph: EncoderGraph, steps: Arrays, chosen: NDArray[np.intp]) -> Arrays:
    return {
        name: np.ascontiguousarray(np.take(array, chosen, axis_of(graph, name)))
        for name, array in steps.items()
    }


def test_rows_do_not_depend_on_the_batch(graph: EncoderGraph, steps: Arrays) -> None:
    engine, output = open_engine(graph.path, "openvino", precision="int8"), graph.output_name
    count = len(steps[graph.features_name])
    alone = [engine.run(rows(graph, steps, np.array([i])))[output][0].copy() for i in range(count)]
    assert len({row.tobytes() for row in alone}) == count
    generator = np.random.default_rng(7)
    for size in (2, 3, 5, 8, 13, 24, 40):
        chosen = generator.integers(0, count, size)
        together = engine.run(rows(graph, steps, chosen))[output]
        for row, index in enumerate(chosen):
            assert (together[row] == alone[index]).all(), f"row {row} of {size}"


def test_close_to_float32(graph: EncoderGraph, steps: Arrays) -> None:
    exact = open_engine(graph.path, "onnxruntime").run(steps)[graph.output_name].copy()
    rounded = open_engine(graph.path, "openvino", precision="int8").run(steps)[graph.output_name]
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 0 < error < 0.1
