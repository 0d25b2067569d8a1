"""The whole encoder, against onnxruntime and against itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from amira_encoder.engine import open_engine
from amira_encoder.errors import EncoderModelError, EngineUnavailableError
from amira_encoder.graph import read_graph
from amira_encoder.native.runner import BLOCK, NativeRunner
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table

Floats = NDArray[np.float32]

CHUNKS = 12


@pytest.fixture(scope="module")
def encoder() -> Path:
    from tests.conftest import MODEL

    return MODEL / "encoder.onnx"


def noise(streams: int, window_frames: int = 34, seed: int = 0) -> Floats:
    """CHUNKS chunks with the level of log-mel speech."""
    shape = (CHUNKS, streams, window_frames, 80)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 4 - 8


def run(runner: NativeRunner, chunks: Floats, slots: list[int]) -> Floats:
    """Streams from their start: [chunks, streams, C, 256]."""
    return np.stack(
        [
            runner.advance(chunk, np.array(slots, np.int32), np.full(len(slots), number == 0))
            for number, chunk in enumerate(chunks)
        ]
    )


def run_onnx(encoder: Path, chunks: Floats) -> Floats:
    graph = read_graph(encoder)
    engine, inputs, frames = (
        open_engine(encoder, "onnxruntime", 1, "f32"),
        graph.zero_inputs(chunks.shape[1]),
        [],
    )
    for chunk in chunks:
        results = engine.run({**inputs, "x": chunk})
        inputs = {state.name: results[str(state.result_name)].copy() for state in graph.states}
        frames.append(results[graph.output_name].copy())
    return np.stack(frames)


def difference(got: Floats, expected: Floats) -> float:
    """Root mean square, over the expected's standard deviation."""
    return float(np.sqrt(np.square(got - expected).mean()) / expected.std())


def test_computes_what_the_graph_computes(encoder: Path) -> None:
    chunks = noise(3)
    got, expected = run(NativeRunner(read_graph(encoder), 4, 1), chunks, [2, 0, 3]), run_onnx(encoder, chunks)
    assert difference(got, expected) < 0.04
    np.testing.assert_allclose(got[0, :, :6], expected[0, :, :6], atol=1e-6)  # before the stream's start


@pytest.mark.parametrize("chunk_ms", [160, 640])
def test_other_chunks(encoder: Path, tmp_path: Path, chunk_ms: int) -> None:
    pytest.importorskip("torch", reason="cutting the model anew needs torch")
    from amira_training.commands.export import rechunk

    rechunk(encoder.parent, tmp_path / "model", chunk_ms, 63)
    other = tmp_path / "model" / "encoder.onnx"
    chunks = noise(2, read_graph(other).window_frames)
    got = run(NativeRunner(read_graph(other), 2, 1), chunks, [0, 1])
    assert difference(got, run_onnx(other, chunks)) < 0.04


def test_a_stream_does_not_depend_on_its_batch_its_slot_or_its_predecessor(encoder: Path) -> None:
    streams = BLOCK + 5
    chunks = noise(streams)
    runner = NativeRunner(read_graph(encoder), 40, 1)
    together = run(runner, chunks, list(range(streams)))
    for stream, slot in ((0, 39), (7, 7), (streams - 1, 3)):
        alone = run(runner, chunks[:, stream : stream + 1], [slot])
        np.testing.assert_array_equal(alone[:, 0], together[:, stream])


def test_more_threads_find_the_same(encoder: Path) -> None:
    chunks = noise(7)
    slots = [6, 5, 4, 3, 2, 1, 0]
    one, three = (run(NativeRunner(read_graph(encoder), 7, threads), chunks, slots) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)


def test_poison_stays_in_its_row(encoder: Path) -> None:
    chunks = noise(2)
    runner = NativeRunner(read_graph(encoder), 2, 1)
    clean = run(runner, chunks, [0, 1])
    poisoned = chunks.copy()
    poisoned[:, 0, ::3] = np.nan
    poisoned[:, 0, 1::3] = np.inf
    np.testing.assert_array_equal(run(runner, poisoned, [0, 1])[:, 1], clean[:, 1])
    np.testing.assert_array_equal(run(runner, chunks, [0, 1]), clean)  # nothing of it is left in the slot


@pytest.mark.slow
def test_kernels_compiled_anew_find_the_same_bits(encoder: Path, tmp_path: Path) -> None:
    """Kernels from the disk are inlined differently; a stream may move between processes of both kinds."""
    program = (
        "import sys, numpy as np; from pathlib import Path; from amira_encoder.graph import read_graph; "
        "from amira_encoder.native.runner import NativeRunner; "
        "r = NativeRunner(read_graph(Path(sys.argv[1])), 1, 1); x = np.load(sys.argv[2]); "
        "s = np.zeros(1, np.int32); "
        "np.save(sys.argv[3], np.stack([r.advance(c, s, np.array([i == 0])) for i, c in enumerate(x)]))"
    )
    np.save(tmp_path / "x.npy", noise(1))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    found = []
    for name in ("compiled.npy", "from_disk.npy"):
        command = [sys.executable, "-c", program, str(encoder), str(tmp_path / "x.npy"), str(tmp_path / name)]
        subprocess.run(command, env=environment, check=True, timeout=300)
        found.append(np.load(tmp_path / name))
    np.testing.assert_array_equal(found[0], found[1])


def test_another_graph_with_the_same_weights_is_noticed(encoder: Path, tmp_path: Path) -> None:
    model = onnx.load(str(encoder))
    for node in model.graph.node:
        if node.op_type == "Erf":
            node.op_type = "Tanh"
    onnx.save(model, str(tmp_path / "encoder.onnx"))
    with pytest.raises(EncoderModelError, match="another graph"):
        NativeRunner(read_graph(tmp_path / "encoder.onnx"), 1, 1)


def test_what_is_missing_is_named(encoder: Path, tmp_path: Path) -> None:
    model = onnx.load(str(encoder))
    missing = "encoder.layers.3.expand.bias"
    weight = next(item for item in model.graph.initializer if item.name == missing)
    weight.name = "elsewhere"
    for node in model.graph.node:
        node.input[:] = [
            "elsewhere" if name == "encoder.layers.3.expand.bias" else name for name in node.input
        ]
    onnx.save(model, str(tmp_path / "encoder.onnx"))
    with pytest.raises(EncoderModelError, match=f"no {re.escape(missing)}"):
        NativeRunner(read_graph(tmp_path / "encoder.onnx"), 1, 1)
    assert load_slot_table(EncoderOptions(tmp_path, 1, threads=1)).runner.name != "amira int8"


def test_the_loader_takes_it_by_itself_and_when_asked(encoder: Path) -> None:
    for engine, precision in (("auto", "auto"), ("auto", "int8"), ("amira", "auto")):
        table = load_slot_table(EncoderOptions(encoder.parent, 2, engine, 2, precision))
        assert (table.runner.name, table.runner.threads) == ("amira int8", 2)
    assert (
        load_slot_table(EncoderOptions(encoder.parent, 2, "auto", 1, "f32")).runner.name == "onnxruntime f32"
    )
    with pytest.raises(EngineUnavailableError, match="int8"):
        load_slot_table(EncoderOptions(encoder.parent, 2, "amira", 1, "f32"))


def test_refuses_other_recipes(tmp_path: Path) -> None:
    from tests.encoder.conftest import METADATA, ZIPFORMER_LIKE

    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{ZIPFORMER_LIKE}')
    onnx.helper.set_model_props(model, METADATA)
    onnx.save(model, str(tmp_path / "encoder.onnx"))
    with pytest.raises(EncoderModelError, match="training recipe"):
        load_slot_table(EncoderOptions(tmp_path, 2, "amira"))
