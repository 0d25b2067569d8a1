"""Exports of every architecture run batched, each stream as if it were alone."""

from __future__ import annotations

import dataclasses
import logging
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic

torch = pytest.importorskip("torch", reason="torch exports the tiny models")

from amira_encoder.batch_independence import is_batch_independent  # noqa: E402
from amira_encoder.engine import open_engine  # noqa: E402 - after the check for torch
from amira_encoder.errors import EncoderModelError  # noqa: E402
from amira_encoder.graph import read_graph  # noqa: E402
from amira_encoder.graph_runner import GraphRunner  # noqa: E402
from amira_encoder.options import EncoderOptions  # noqa: E402
from amira_encoder.slot_table import SlotTable  # noqa: E402
from amira_encoder.table_loader import load_slot_table  # noqa: E402
from tests.support.exports import ARCHITECTURES, Export, write_transducer  # noqa: E402

SLOTS = 4
CHUNKS = 5
ENGINES = [("onnxruntime", "f32"), ("openvino", "f32"), ("openvino", "auto")]
Frames = NDArray[np.float32]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> type[Export]:
    return ARCHITECTURES[request.param]


@pytest.fixture(scope="module")
def encoder(architecture: type[Export], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export's encoder file, in a whole model folder."""
    return write_transducer(tmp_path_factory.mktemp("export") / "model", architecture).encoder


def make_table(encoder: Path, engine: str = "onnxruntime", precision: str = "f32") -> SlotTable:
    return load_slot_table(EncoderOptions(encoder.parent, SLOTS, engine, 1, precision))


@dataclass
class Stream:
    """A stream of chunks [n, T, 80], and what came back for it."""

    chunks: Frames
    slot: int = 0
    generation: int = 0
    frames: list[Frames] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return len(self.frames) == len(self.chunks)


def speech_like(table: SlotTable, seed: int, chunks: int = CHUNKS) -> Stream:
    shape = (chunks, table.geometry.window_frames, table.geometry.feature_dim)
    noise = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return Stream(noise * np.float32(3 + seed) - np.float32(8))


def advance(table: SlotTable, streams: list[Stream]) -> None:
    """One step for these streams together."""
    frames, accepted = table.step(
        np.stack([stream.chunks[len(stream.frames)] for stream in streams]),
        np.array([stream.slot for stream in streams], np.int32),
        np.array([stream.generation for stream in streams], np.int64),
        np.array([not stream.frames for stream in streams]),
    )
    assert accepted.all()
    for stream, row in zip(streams, frames, strict=True):
        stream.frames.append(row.copy())


def alone(table: SlotTable, stream: Stream) -> Frames:
    """The same stream with the table to itself."""
    copy = Stream(stream.chunks)
    while not copy.over:
        advance(table, [copy])
    return np.stack(copy.frames)


def test_states_are_understood(architecture: type[Export], encoder: Path) -> None:
    graph, export = read_graph(encoder), architecture()
    declared = [(state.name, state.shape, state.batch_axis) for state in export.states]
    assert [(state.name, state.shape, state.batch_axis) for state in graph.states] == declared
    assert {state.name for state in graph.states if state.result_name is None} == set(export.unreturned)
    geometry = make_table(encoder).geometry
    assert (geometry.window_frames, geometry.chunk_frames) == (export.window_frames, export.chunk_frames)
    assert geometry.output_frames == export.output_frames


def test_a_stream_equals_the_network_run_by_hand(architecture: type[Export], encoder: Path) -> None:
    """Against torch, which knows nothing of slots, batches or ONNX."""
    torch.manual_seed(0)
    export = architecture().eval()
    table = make_table(encoder)
    stream = speech_like(table, 3)
    states = {state.name: torch.zeros(state.shape, dtype=state.dtype) for state in export.states}
    expected = []
    with torch.no_grad():
        for chunk in stream.chunks:
            out, *results = export(torch.from_numpy(chunk)[None], *states.values())
            returned = (name for name in states if name not in export.unreturned)
            states.update(zip(returned, results, strict=True))
            for name in export.unreturned:
                states[name] = states[name] + export.output_frames
            expected.append(out[0].numpy())
    while not stream.over:
        advance(table, [stream])
    np.testing.assert_allclose(np.stack(stream.frames), np.stack(expected), atol=1e-5)


@pytest.mark.parametrize(("engine", "precision"), ENGINES)
def test_streams_do_not_see_their_batchmates(encoder: Path, engine: str, precision: str) -> None:
    """Streams begin, pause and end at different steps, and take over each other's slots."""
    table, chance = make_table(encoder, engine, precision), random.Random(5)
    waiting = [speech_like(table, seed, chunks=3 + seed % 3) for seed in range(7)]
    every, free, running = list(waiting), list(range(SLOTS)), list[Stream]()
    batches = []
    while waiting or running:
        while waiting and free and (not running or chance.random() < 0.5):
            stream = waiting.pop()
            stream.slot, stream.generation = free.pop(chance.randrange(len(free))), len(waiting)
            running.append(stream)
        batch = chance.sample(running, chance.randint(1, len(running)))
        batches.append({len(stream.frames) for stream in batch})
        advance(table, batch)
        free += [stream.slot for stream in batch if stream.over]
        running = [stream for stream in running if not stream.over]
    assert max(map(len, batches)) >= 3, "no batch had streams at different positions"
    reference = make_table(encoder, engine, precision)
    for stream in every:
        np.testing.assert_array_equal(np.stack(stream.frames), alone(reference, stream))


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_products_that_round_by_batch_size_are_not_batched(precision: str, tmp_path: Path) -> None:
    """With one frame a chunk, OpenVINO's int8 rounds from five streams on, but not with fewer."""
    model = write_transducer(tmp_path, ARCHITECTURES["lstm"])
    engine = open_engine(model.encoder, "openvino", 1, "int8")
    assert not is_batch_independent(read_graph(model.encoder), engine)
    chosen = load_slot_table(EncoderOptions(tmp_path, SLOTS, "openvino", 1, precision)).runner
    if precision == "auto":
        assert chosen.name in ("openvino bf16", "openvino f32")  # f32 where the CPU has no bf16
        assert not chosen.row_at_a_time
    else:
        assert chosen.name == "openvino int8, row by row"
        assert chosen.row_at_a_time


def test_every_state_matters(encoder: Path) -> None:
    """So that the tests above would notice a state that is lost, mixed up or not cleared."""
    graph = read_graph(encoder)
    table = make_table(encoder)
    chunks = speech_like(table, 1).chunks
    session = onnxruntime.InferenceSession(str(encoder), providers=["CPUExecutionProvider"])

    def run(forgotten: str | None) -> Frames:
        inputs = graph.zero_inputs(1)
        frames = []
        for chunk in chunks:
            results = dict(
                zip(
                    [node.name for node in session.get_outputs()],
                    session.run(None, {**inputs, "x": chunk[None]}),
                    strict=True,
                )
            )
            for state in graph.states:
                if state.name == forgotten:
                    continue
                inputs[state.name] = (
                    results[state.result_name]
                    if state.result_name
                    else inputs[state.name] + table.geometry.output_frames
                )
            frames.append(results["encoder_out"])
        return np.stack(frames)

    whole = run(None)
    assert np.isfinite(whole).all()
    for state in graph.states:
        assert np.abs(run(state.name) - whole).max() > 1e-4, state.name


def test_a_wrong_batch_axis_is_noticed(encoder: Path) -> None:
    """Taking another axis for the batch is no silent mistake: the graph's results do not fit it."""
    graph, engine = read_graph(encoder), open_engine(encoder, "onnxruntime", 1)
    for number, state in enumerate(graph.states):
        if len(state.shape) < 2:
            continue
        wrong = dataclasses.replace(state, batch_axis=(state.batch_axis + 1) % len(state.shape))
        states = (*graph.states[:number], wrong, *graph.states[number + 1 :])
        with pytest.raises(EncoderModelError, match=r"cannot run \d+ stream|comes back as|must be float32"):
            GraphRunner(dataclasses.replace(graph, states=states), engine, SLOTS)


def test_int8_exports(encoder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As icefall quantizes them: rows are run one by one, and equal themselves alone."""
    caplog.set_level(logging.ERROR)
    small = tmp_path / "encoder.int8.onnx"
    quantize_dynamic(encoder, small, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    table = make_table(small)
    assert table.runner.row_at_a_time
    streams = [speech_like(table, seed) for seed in (1, 30)]
    for slot, stream in enumerate(streams):
        stream.slot = slot
    advance(table, streams[:1])
    while not streams[0].over:
        advance(table, streams)
    for stream in streams:
        heard = np.stack(stream.frames)
        expected = alone(make_table(small), stream)[: len(heard)]
        np.testing.assert_array_equal(heard, expected)
