"""Engines: the choice among them, agreement between them, and the int8 batching trap."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

from amira_encoder import cpu
from amira_encoder.engine import engine_and_precision, open_engine
from amira_encoder.errors import EncoderModelError, EngineUnavailableError
from amira_encoder.graph import read_graph
from amira_encoder.graph_runner import GraphRunner
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table
from tests.encoder.conftest import METADATA, ZIPFORMER_LIKE, WriteModel

MATMUL = """
encoder (float[N,12,4] x, float[1,N,4] state) => (float[N,12,4] encoder_out, float[1,N,4] new_state)
<float[4,4] weight = {0.3,-1.1,0.7,0.2, 1.3,0.4,-0.6,0.9, -0.2,0.8,1.7,-0.5, 0.6,-0.3,0.1,1.2}>
{
    state_at_0 = Transpose <perm: ints = [1, 0, 2]> (state)
    moved = Add (x, state_at_0)
    encoder_out = MatMul (moved, weight)
    mean = ReduceMean <axes: ints = [1]> (encoder_out)
    new_state = Transpose <perm: ints = [1, 0, 2]> (mean)
}
"""


@pytest.mark.parametrize(
    ("engine", "precision"),
    [("onnxruntime", "f32"), ("openvino", "f32"), ("openvino", "bf16"), ("openvino", "int8")],
)
def test_an_engines_name_says_how_to_get_the_same_again(
    write_model: WriteModel, engine: str, precision: str
) -> None:
    path = write_model(ZIPFORMER_LIKE)
    name = open_engine(path, engine, precision=precision).name
    assert engine_and_precision(name) == (engine, precision)
    assert engine_and_precision(f"{name}, row by row") == (engine, precision)


def test_a_quantized_graph_brings_its_precision_along() -> None:
    assert engine_and_precision("onnxruntime int8") == ("onnxruntime", "auto")


def test_auto_takes_openvino_exactly_where_the_cpu_has_bf16(write_model: WriteModel) -> None:
    path = write_model(ZIPFORMER_LIKE)
    expected = "openvino int8" if cpu.has_fast_bf16() else "onnxruntime f32"
    assert open_engine(path).name == expected
    assert open_engine(path, precision="f32").name == "onnxruntime f32"
    assert open_engine(path, "openvino", precision="f32").name == "openvino f32"
    assert open_engine(path).threads == cpu.engine_threads()
    assert open_engine(path, threads=1).threads == 1


def test_bf16_is_read_from_the_kernels_list(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    for flags, expected in (
        ("fpu avx512_bf16 sse", True),
        ("amx_bf16", True),
        ("avx512f avx512_vnni", False),
    ):
        listing.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n\n")
        cpu.has_fast_bf16.cache_clear()
        assert cpu.has_fast_bf16(listing) is expected
    assert cpu.has_fast_bf16(tmp_path / "missing") is False
    cpu.has_fast_bf16.cache_clear()


def test_a_containers_cpu_limit_counts(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    unlimited = cpu.usable_cpus(tmp_path / "missing")
    assert unlimited >= 1
    for text, expected in (
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("99900000 100000", unlimited),
        ("max 100000", unlimited),
        ("", unlimited),
        ("100000 0", unlimited),
    ):
        quota.write_text(text)
        assert cpu.usable_cpus(quota) == expected


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"engine": "tensorflow"}, "unknown engine 'tensorflow'"),
        ({"precision": "int4"}, "unknown precision 'int4'"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "no bf16"),
    ],
)
def test_engines_that_cannot_be_had(
    write_model: WriteModel, arguments: dict[str, str], complaint: str
) -> None:
    with pytest.raises(EngineUnavailableError, match=complaint):
        open_engine(write_model(ZIPFORMER_LIKE), **arguments)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_an_unreadable_file(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(b"garbage")
    with pytest.raises(EncoderModelError, match="cannot load"):
        open_engine(path, engine)


def test_engines_agree_on_states_of_every_type(write_model: WriteModel) -> None:
    path = write_model(ZIPFORMER_LIKE)
    graph = read_graph(path)
    generator = np.random.default_rng(3)
    inputs = {
        name: generator.integers(0, 9, array.shape).astype(array.dtype)
        for name, array in graph.zero_inputs(3).items()
    }
    expected = open_engine(path, "onnxruntime").run(inputs)
    got = open_engine(path, "openvino", precision="f32").run(inputs)
    assert expected.keys() == got.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_allclose(got[name], array, rtol=1e-6)


@pytest.fixture
def int8_model(write_model: WriteModel, caplog: pytest.LogCaptureFixture) -> Path:
    """A dynamically quantized encoder, as icefall's int8 exports are."""
    caplog.set_level(logging.ERROR)
    path = write_model(MATMUL, name="encoder.full.onnx")
    quantized = path.with_name("encoder.int8.onnx")
    quantize_dynamic(path, quantized, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    model = onnx.load(quantized)
    if not model.metadata_props:
        for key, value in METADATA.items():
            model.metadata_props.add(key=key, value=value)
        onnx.save(model, quantized)
    return quantized


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_dynamic_int8_rows_never_share_a_scale(int8_model: Path, engine: str) -> None:
    table = SlotTable(GraphRunner(read_graph(int8_model), open_engine(int8_model, engine, 1), 2))
    assert table.runner.row_at_a_time
    features = np.random.default_rng(0).standard_normal((2, 12, 4), dtype=np.float32)
    features[1] *= 1000
    alone = _first_frames(table, features[:1])
    np.testing.assert_array_equal(_first_frames(table, features)[0], alone[0])


def test_dynamic_int8_would_share_a_scale_if_batched(int8_model: Path) -> None:
    """The trap is real: this is what the table avoids."""
    engine = open_engine(int8_model, "onnxruntime", 1)
    features = np.random.default_rng(0).standard_normal((2, 12, 4), dtype=np.float32)
    features[1] *= 1000
    alone = engine.run({"x": features[:1], "state": np.zeros((1, 1, 4), np.float32)})["encoder_out"]
    together = engine.run({"x": features, "state": np.zeros((1, 2, 4), np.float32)})["encoder_out"]
    assert not np.allclose(alone[0], together[0], atol=0.1)


def _first_frames(table: SlotTable, features: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]  # test
    rows = len(features)
    slots = np.arange(rows, dtype=np.int32)
    return table.step(features, slots, np.ones(rows, np.int64), np.ones(rows, np.bool_))[0]


def test_float_models_are_batched(write_model: WriteModel) -> None:
    assert not open_engine(write_model(MATMUL), "onnxruntime").row_at_a_time


def test_options_survive_the_environment(tmp_path: Path) -> None:
    options = EncoderOptions(tmp_path, 7, "onnxruntime", 3, "f32")
    assert EncoderOptions.from_environment(options.to_environment()) == options
    assert EncoderOptions.from_environment({"AMIRA_ENCODER_MODEL_DIR": str(tmp_path)}) == EncoderOptions(
        tmp_path
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("SLOTS", "0"), ("SLOTS", "many"), ("SLOTS", ""), ("THREADS", "-1"), ("MODEL_DIR", "")],
)
def test_wrong_options_are_named(tmp_path: Path, name: str, value: str) -> None:
    environment = {**EncoderOptions(tmp_path).to_environment(), f"AMIRA_ENCODER_{name}": value}
    with pytest.raises(ValueError, match=f"AMIRA_ENCODER_{name}"):
        EncoderOptions.from_environment(environment)


def test_loading_a_folder(write_model: WriteModel) -> None:
    path = write_model(ZIPFORMER_LIKE)
    table = load_slot_table(EncoderOptions(path.parent, slots=3, engine="onnxruntime", threads=1))
    assert (table.slots, table.geometry.output_frames) == (3, 2)
