"""torch, onnxruntime and the server's encoders compute the same from one folder."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from amira_decoder.encoder.in_process import InProcessEncoder
from amira_decoder.encoder.triton import TritonEncoder
from amira_training.export import parity
from amira_training.export.weights import chunking_of
from tests.support.triton import TritonProcess
from tests.training.export.conftest import Exported

_FLOAT_NOISE = 1e-3  # of the outputs' standard deviation


def test_graph_and_server_engine(exported: Exported) -> None:
    def engine() -> InProcessEncoder:
        return InProcessEncoder(exported.folder, slots=4, engine="onnxruntime", threads=1)

    found = {item.name: item for item in parity.check(exported.folder, [("server", engine)])}
    assert found["onnxruntime float32"].largest < _FLOAT_NOISE
    assert found["server"].largest < _FLOAT_NOISE
    assert _FLOAT_NOISE < found["onnxruntime int8 file"].root_mean_square < 0.2


@pytest.mark.slow
def test_triton(exported: Exported) -> None:
    encoder = exported.folder / "encoder.onnx"
    chunking = chunking_of(encoder)
    features = parity.sample_features(chunking)
    triton = TritonProcess.start(exported.folder, slots=4)
    try:
        outputs = asyncio.run(parity.run_server(lambda: TritonEncoder(triton.target), chunking, features))
    finally:
        triton.stop()
    found = parity.compare("triton", outputs, parity.reference(encoder, features))
    assert found.largest < _FLOAT_NOISE


def test_a_difference_is_seen() -> None:
    expected = np.random.default_rng(0).normal(size=(1, 50, 4)).astype(np.float32)
    outputs = expected.copy()
    outputs[0, 30, 2] += 0.5
    found = parity.compare("x", outputs, expected)
    assert found.largest == pytest.approx(0.5, rel=0.2)
    assert found.root_mean_square < 0.05
