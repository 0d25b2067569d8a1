"""Encoders are understood from their graphs, whatever their states, and refused clearly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from amira_encoder.errors import EncoderModelError
from amira_encoder.graph import read_graph
from amira_encoder.model_folder import find_encoder
from tests.encoder.conftest import LSTM_LIKE, METADATA, ZIPFORMER_LIKE, WriteModel


def test_states_of_every_layout_are_found(write_model: WriteModel) -> None:
    graph = read_graph(write_model(ZIPFORMER_LIKE))
    assert [(state.name, state.batch_axis, state.shape, state.dtype.name) for state in graph.states] == [
        ("cached_key_0", 1, (6, 1, 3), "float32"),
        ("cached_conv_0", 0, (1, 5, 2), "float32"),
        ("cached_avg_0", 2, (2, 3, 1, 4), "float32"),
        ("cached_len_0", 1, (2, 1), "int64"),
        ("processed_lens", 0, (1,), "int64"),
    ]
    assert [state.result_name for state in graph.states] == [f"new_{state.name}" for state in graph.states]
    assert (graph.window_frames, graph.chunk_frames, graph.feature_dim) == (12, 8, 4)
    assert graph.states[2].batch_shape(7) == (2, 3, 7, 4)


def test_results_are_paired_by_name_before_order(write_model: WriteModel) -> None:
    key, length = "float[6,N,3] new_cached_key_0, ", "int64[N] new_processed_lens"
    swapped = ZIPFORMER_LIKE.replace(key, "").replace(length, f"{length}, {key.rstrip(', ')}")
    graph = read_graph(write_model(swapped))
    assert {state.name: state.result_name for state in graph.states}["cached_key_0"] == "new_cached_key_0"


def test_results_with_other_names_are_paired_by_order(write_model: WriteModel) -> None:
    graph = read_graph(write_model(LSTM_LIKE))
    assert [(state.name, state.result_name) for state in graph.states] == [
        ("state0", "next_a"),
        ("state1", "next_b"),
    ]


def test_the_bundled_model(model_dir: Path) -> None:
    path = find_encoder(model_dir)
    graph, file = read_graph(path), onnx.load(path)
    x = next(value for value in file.graph.input if value.name == "x").type.tensor_type.shape
    metadata = {entry.key: entry.value for entry in file.metadata_props}
    assert (graph.window_frames, graph.feature_dim) == (x.dim[1].dim_value, 80)
    assert graph.chunk_frames == int(metadata["decode_chunk_len"]) < graph.window_frames
    assert graph.output_delay_frames == int(metadata.get("output_delay_frames", 0))
    assert {state.name for state in graph.states} == {value.name for value in file.graph.input} - {"x"}
    assert all(np.prod(state.shape) > 0 for state in graph.states)


@pytest.mark.parametrize("key", ["T", "decode_chunk_len"])
@pytest.mark.parametrize("value", [None, "", "many", "0", "-8"])
def test_missing_or_wrong_metadata(write_model: WriteModel, key: str, value: str | None) -> None:
    metadata = (
        {**METADATA, key: value} if value is not None else {k: v for k, v in METADATA.items() if k != key}
    )
    if key == "T" and value is None:
        assert read_graph(write_model(LSTM_LIKE, metadata)).window_frames == 12  # x says so too
        return
    with pytest.raises(EncoderModelError, match=key):
        read_graph(write_model(LSTM_LIKE, metadata))


def test_no_word_of_a_delay_means_none(write_model: WriteModel) -> None:
    assert read_graph(write_model(LSTM_LIKE)).output_delay_frames == 0


@pytest.mark.parametrize("value", ["", "late", "-1", "251", "1.5", "9" * 5000])
def test_a_wrong_delay_is_refused(write_model: WriteModel, value: str) -> None:
    with pytest.raises(EncoderModelError, match="output_delay_frames"):
        read_graph(write_model(LSTM_LIKE, {**METADATA, "output_delay_frames": value}))


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        (LSTM_LIKE.replace("float[N,12,4] x", "float[1,12,4] x"), "batch axis of x is fixed"),
        (LSTM_LIKE.replace("float[1,N,4] state0", "float[1,1,4] state0"), "exactly one batch axis"),
        (LSTM_LIKE.replace("float[1,N,4] state0", "float[N,N,4] state0"), "exactly one batch axis"),
        (LSTM_LIKE.replace("float[1,N,4] state0", "float[layers,N,4] state0"), "not fixed"),
        (LSTM_LIKE.replace(", float[1,N,4] next_b", ""), "2 states go in but 1 come out"),
        (LSTM_LIKE.replace("float[N,12,4] x", "float[N,12,D] x"), "feature_dim"),
        (LSTM_LIKE.replace("float[N,12,4] x", "float[N,11,4] x"), "T=12, but x has 11"),
        ("encoder (float[N,4] x) => (float[N,4] y) { y = Identity (x) }", "x must be float32"),
    ],
)
def test_graphs_that_are_no_streaming_encoders(write_model: WriteModel, graph: str, complaint: str) -> None:
    with pytest.raises(EncoderModelError, match=complaint):
        read_graph(write_model(graph))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 1000])
def test_files_that_are_no_graphs(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(content)
    with pytest.raises(EncoderModelError, match=r"encoder\.onnx"):
        read_graph(path)


def test_choosing_the_encoder_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(EncoderModelError, match="no encoder"):
        find_encoder(tmp_path)
    with pytest.raises(EncoderModelError, match="not found"):
        find_encoder(tmp_path / "nowhere")
    (tmp_path / "encoder-99.int8.onnx").touch()
    assert find_encoder(tmp_path).name == "encoder-99.int8.onnx"
    (tmp_path / "encoder-99.onnx").touch()
    assert find_encoder(tmp_path).name == "encoder-99.onnx"
    (tmp_path / "encoder-98.onnx").touch()
    with pytest.raises(EncoderModelError, match=r"encoder-98\.onnx, encoder-99\.onnx"):
        find_encoder(tmp_path)
    (tmp_path / "encoder.int8.onnx").touch()
    (tmp_path / "encoder.onnx").touch()
    assert find_encoder(tmp_path).name == "encoder.onnx"


WHOLE_RECORDINGS = """
encoder (float[N,T,80] x, int64[N] x_lens) => (float[N,frames,80] encoder_out, int64[N] encoder_out_lens) {
    encoder_out = Identity (x)
    encoder_out_lens = Identity (x_lens)
}
"""
NEMO = """
encoder (float[N,80,T] audio_signal, int64[N] length, float[N,17,70,512] cache_last_channel) => (
    float[N,512,frames] outputs, int64[N] encoded_lengths, float[N,17,70,512] cache_last_channel_next
) {
    outputs = Identity (audio_signal)
    encoded_lengths = Identity (length)
    cache_last_channel_next = Identity (cache_last_channel)
}
"""


@pytest.mark.parametrize(
    ("graph", "metadata", "complaint"),
    [
        (WHOLE_RECORDINGS, {"model_type": "zipformer2"}, r"not a streaming model.*inputs x, x_lens"),
        (LSTM_LIKE, {**METADATA, "comment": "non-streaming zipformer2"}, "not a streaming model"),
        (NEMO, {"model_type": "EncDecHybridRNNTCTCBPEModel"}, "an export of NVIDIA NeMo"),
        (LSTM_LIKE, {**METADATA, "feature": "whisper"}, "wants whisper features"),
    ],
)
def test_other_kinds_of_models_are_named(
    write_model: WriteModel, graph: str, metadata: dict[str, str], complaint: str
) -> None:
    with pytest.raises(EncoderModelError, match=complaint):
        read_graph(write_model(graph, metadata))


COUNTING = LSTM_LIKE.replace("float[1,N,4] state1", "float[1,N,4] state1, int64[N] processed_lens")


def test_a_count_of_frames_need_not_come_back(write_model: WriteModel) -> None:
    graph = read_graph(write_model(COUNTING))
    assert [(state.name, state.result_name) for state in graph.states] == [
        ("state0", "next_a"),
        ("state1", "next_b"),
        ("processed_lens", None),
    ]


@pytest.mark.parametrize(
    "other", ["int64[N] position", "float[N] processed_lens", "int64[N,3] processed_lens"]
)
def test_nothing_else_may_stay_out(write_model: WriteModel, other: str) -> None:
    with pytest.raises(EncoderModelError, match="3 states go in but 2 come out"):
        read_graph(write_model(COUNTING.replace("int64[N] processed_lens", other)))


def test_of_an_int8_folder_the_one_file(tmp_path: Path) -> None:
    (tmp_path / "encoder-epoch-1.int8.onnx").touch()
    assert find_encoder(tmp_path).name == "encoder-epoch-1.int8.onnx"
    (tmp_path / "encoder-epoch-1.fp16.onnx").touch()
    assert find_encoder(tmp_path).name == "encoder-epoch-1.int8.onnx"
