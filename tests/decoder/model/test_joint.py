"""Predictor table and joiner against onnxruntime."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnxruntime.quantization import QuantType, quantize_dynamic

from amira_decoder.model import ModelFolderError, TransducerFolder
from amira_decoder.model import joint_kernels as kernels
from amira_decoder.model.affine_kernels import affine_joiner
from amira_decoder.model.joint import ContextTable, JointNetwork
from tests.decoder.search.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def joint(model_dir: Path) -> JointNetwork:
    return JointNetwork(TransducerFolder.open(model_dir))


def test_measured_joiner_equals_onnxruntime(joint: JointNetwork) -> None:
    random = np.random.default_rng(5)
    encoder_rows, decoder_rows = (random.normal(0, 2, (20, joint.dim)).astype(np.float32) for _ in range(2))
    expected = joint.logits(encoder_rows, decoder_rows)
    arrays = joint.arrays()
    assert arrays is not None
    hidden, logits = np.empty(joint.dim, np.float32), np.empty(joint.vocab_size, np.float32)
    for row in range(20):
        affine_joiner(encoder_rows[row], decoder_rows[row], arrays.weights, arrays.bias, hidden, logits)
        np.testing.assert_allclose(logits, expected[row], atol=2e-4)


@pytest.mark.parametrize(("activation", "affine"), [("Tanh", True), ("Relu", False), ("Sigmoid", False)])
def test_only_tanh_joiners_are_measured(activation: str, affine: bool, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path, ["▁a", "b"], activation=activation)
    joint = JointNetwork(model)
    assert (joint.affine is not None) == affine
    assert (joint.arrays() is not None) == affine


@pytest.fixture
def int8_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> TransducerFolder:
    """A model quantized as icefall's exports quantize it."""
    caplog.set_level(logging.ERROR)
    folder = write_tiny_model(tmp_path / "full", list("abcdefgh")).path
    small = tmp_path / "int8"
    small.mkdir()
    for name in ("decoder", "joiner"):
        quantize_dynamic(
            folder / f"{name}.onnx",
            small / f"{name}.int8.onnx",
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
        )
    for name in ("encoder.onnx", "tokens.txt"):
        shutil.copy(folder / name, small)
    return TransducerFolder.open(small)


def test_int8_joiners_are_measured_too(int8_model: TransducerFolder) -> None:
    """Their rows would otherwise be rounded by the largest value of the batch."""
    joint = JointNetwork(int8_model)
    assert joint.affine is not None
    random = np.random.default_rng(1)
    encoder_rows, decoder_rows = (random.normal(0, 1, (16, joint.dim)).astype(np.float32) for _ in range(2))
    measured = np.tanh(encoder_rows + decoder_rows) @ joint.affine.weights + joint.affine.bias
    rounded = joint.logits(encoder_rows, decoder_rows)
    assert 0 < np.abs(measured - rounded).max() < 0.02 * np.abs(rounded).max()


def test_int8_rows_do_not_depend_on_the_batch(int8_model: TransducerFolder) -> None:
    together, alone = JointNetwork(int8_model, affine=False), JointNetwork(int8_model, affine=False)
    keys = np.arange(together.key_base, together.key_base + 20)
    rows = together.rows(keys)
    np.testing.assert_array_equal(rows, np.concatenate([alone.rows(key) for key in keys[:, None]]))
    loud = rows * np.float32(3)
    loud[0] *= 50
    logits = together.logits(loud, rows)
    singly = [alone.logits(loud[row : row + 1], rows[row : row + 1]) for row in range(len(rows))]
    np.testing.assert_array_equal(logits, np.concatenate(singly))


def test_rows_are_the_predictor_outputs(joint: JointNetwork) -> None:
    keys = np.array([kernels.INITIAL_KEY, 0, joint.key_base**2 - 1, 300, kernels.INITIAL_KEY])
    np.testing.assert_array_equal(joint.contexts(keys)[0], [-1, 0])
    np.testing.assert_array_equal(joint.contexts(keys)[2], [joint.vocab_size - 1] * 2)
    rows = joint.rows(keys)
    np.testing.assert_array_equal(rows[0], rows[4])
    np.testing.assert_array_equal(rows, joint.rows(keys))


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(0, 255), max_size=6))
def test_keys_follow_the_tokens(tokens: list[int]) -> None:
    key = kernels.INITIAL_KEY
    for token in tokens:
        key = kernels.push_key(key, token, 257, 257)
    expected = [-1, 0, *tokens][-2:]
    assert key == (expected[0] + 1) * 257 + expected[1] + 1


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sets(st.integers(0, 2**61), min_size=1, max_size=30), max_size=12))
def test_table_finds_what_it_holds_and_stays_bounded(batches: list[set[int]]) -> None:
    table = ContextTable(2, 40)
    held: set[int] = set()
    for batch in batches:
        new = np.array(sorted(batch - held), np.int64)
        if not len(new):
            continue
        if len(held) + len(new) > 40:
            held = set()
        table.add(new, np.stack([new, -new], axis=1).astype(np.float32))
        held |= set(new.tolist())
        assert len(table.rows) == 40
        for key in held:
            assert table.rows[kernels.find_row(key, table.keys, table.slots), 0] == np.float32(key)
    absent = 2**61 + 1
    assert kernels.find_row(absent, table.keys, table.slots) == kernels.EMPTY


def test_table_grows_for_a_large_batch() -> None:
    table = ContextTable(1, 4)
    keys = np.arange(100, dtype=np.int64)
    table.add(keys, keys[:, None].astype(np.float32))
    assert [int(table.rows[kernels.find_row(key, table.keys, table.slots), 0]) for key in range(100)] == [
        *range(100)
    ]


@pytest.mark.parametrize("logits", [[np.nan, 0, 1], [np.inf, 0, 1], [0, np.nan, -np.inf], [-np.inf] * 3])
def test_unusable_logits_mean_blank(logits: list[float]) -> None:
    values = np.array(logits, np.float32)
    kernels.log_softmax(values, 0)
    np.testing.assert_array_equal(values, np.array([0, kernels.NEVER, kernels.NEVER], np.float32))


def test_log_softmax() -> None:
    values = np.random.default_rng(0).normal(0, 10, 50).astype(np.float32)
    expected = values - np.log(np.exp(values.astype(np.float64)).sum())
    kernels.log_softmax(values, 0)
    np.testing.assert_allclose(values, expected, atol=1e-5)
    impossible = np.array([0, -np.inf], np.float32)
    kernels.log_softmax(impossible, 0)
    assert impossible.tolist() == [0, kernels.NEVER]


@pytest.mark.parametrize("scale", [0, 1e-3, 1, 100])
def test_likeliest_is_the_first_after_log_softmax(scale: float) -> None:
    random = np.random.default_rng(3)
    for _ in range(200):
        logits = (random.integers(-8, 8, 37) * scale).astype(np.float32)
        logits[random.integers(37)] += np.float32(1e-7)
        token, log_prob = kernels.likeliest(logits, 0)
        kernels.log_softmax(logits, 0)
        assert token == logits.argmax()
        assert log_prob == logits[token]


def test_likeliest_of_unusable_logits() -> None:
    token, log_prob = kernels.likeliest(np.array([1, np.nan, 2], np.float32), 2)
    assert token == 2
    assert log_prob == 0


def test_joiner_of_another_model(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "one", ["▁a", "b"])
    other = write_tiny_model(tmp_path / "other", ["▁a", "b", "c"])
    other.joiner.replace(model.joiner)
    with pytest.raises(ModelFolderError, match=r"joiner\.onnx gives 4 tokens, expected 3"):
        JointNetwork(model)
    model.decoder.replace(model.joiner)
    (tmp_path / "other" / "decoder.onnx").replace(model.decoder)
    with pytest.raises(ModelFolderError, match=r"joiner\.onnx"):
        JointNetwork(model)
