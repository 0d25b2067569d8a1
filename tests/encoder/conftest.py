"""Small encoders made on the spot, with every kind of state that icefall's exports have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import onnx.parser
import pytest

WriteModel = Callable[..., Path]

METADATA = {"T": "12", "decode_chunk_len": "8"}

ZIPFORMER_LIKE = """
encoder (
    float[N,12,4] x,
    float[6,N,3] cached_key_0, float[N,5,2] cached_conv_0, float[2,3,N,4] cached_avg_0,
    int64[2,N] cached_len_0, int64[N] processed_lens
) => (
    float[N,frames,4] encoder_out,
    float[6,N,3] new_cached_key_0, float[N,5,2] new_cached_conv_0, float[2,3,N,4] new_cached_avg_0,
    int64[2,N] new_cached_len_0, int64[N] new_processed_lens
) {
    first = Constant <value: tensor = int64[1] {0}> ()
    half = Constant <value: tensor = float {0.5}> ()
    four = Constant <value: tensor = int64 {4}> ()
    last = Constant <value: tensor = int64[1] {1}> ()
    both = Constant <value: tensor = int64[2] {1, 2}> ()
    start = Constant <value: tensor = int64[1] {0}> ()
    end = Constant <value: tensor = int64[1] {8}> ()
    step = Constant <value: tensor = int64[1] {4}> ()
    mean = ReduceMean <axes: ints = [1, 2]> (x)
    mean_at_1 = Transpose <perm: ints = [1, 0, 2]> (mean)
    mean_at_2 = Unsqueeze (mean_at_1, first)
    halved_key = Mul (cached_key_0, half)
    new_cached_key_0 = Add (halved_key, mean_at_1)
    halved_conv = Mul (cached_conv_0, half)
    new_cached_conv_0 = Sub (halved_conv, mean)
    halved_avg = Mul (cached_avg_0, half)
    new_cached_avg_0 = Add (halved_avg, mean_at_2)
    new_cached_len_0 = Add (cached_len_0, four)
    new_processed_lens = Add (processed_lens, four)

    key_at_0 = Transpose <perm: ints = [1, 0, 2]> (cached_key_0)
    key_sum = ReduceMean <axes: ints = [1, 2]> (key_at_0)
    conv_sum = ReduceMean <axes: ints = [1, 2]> (cached_conv_0)
    avg_at_0 = Transpose <perm: ints = [2, 0, 1, 3]> (cached_avg_0)
    avg_sum = ReduceMean <axes: ints = [1, 2, 3], keepdims: int = 0> (avg_at_0)
    len_at_0 = Transpose <perm: ints = [1, 0]> (cached_len_0)
    len_sum = ReduceSum <keepdims: int = 0> (len_at_0, last)
    counts = Add (len_sum, processed_lens)
    counts_float = Cast <to: int = 1> (counts)
    row = Add (avg_sum, counts_float)
    row_3d = Unsqueeze (row, both)
    kept = Slice (x, start, end, last, step)
    with_row = Add (kept, row_3d)
    with_key = Add (with_row, key_sum)
    encoder_out = Add (with_key, conv_sum)
}
"""
"""States with the batch at axis 0, 1 and 2, float and int64, one of them a bare counter."""

LSTM_LIKE = """
encoder (float[N,12,4] x, float[1,N,4] state0, float[1,N,4] state1) => (
    float[N,frames,4] encoder_out, float[1,N,4] next_a, float[1,N,4] next_b
) {
    mean = ReduceMean <axes: ints = [1]> (x)
    mean_at_1 = Transpose <perm: ints = [1, 0, 2]> (mean)
    next_a = Add (state0, mean_at_1)
    next_b = Add (state1, mean_at_1)
    sum = Add (state0, state1)
    state_at_0 = Transpose <perm: ints = [1, 0, 2]> (sum)
    encoder_out = Add (mean, state_at_0)
}
"""
"""States whose results have unrelated names: they go by order."""


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes a graph in ONNX's text form, with metadata, to encoder.onnx in a folder of its own."""

    def write(graph: str, metadata: Mapping[str, str] = METADATA, name: str = "encoder.onnx") -> Path:
        model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>' + graph)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return write
