"""int8 products: close to float32 on the real encoder, and the same whatever the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from amira_encoder.engine import open_engine
from tests.conftest import ROOT
from tests.support.features import fbank_of

pytest.importorskip("openvino", reason="openvino is optional")

HISTORY_FRAMES = 256
WINDOW_FRAMES = 99
Inputs = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def windows() -> Inputs:
    """Real speech at 24 places of the demo clip, as inputs of the starter model's encoder."""
    frames = fbank_of(ROOT / "demo" / "speech" / "sense-and-sensibility.flac")
    starts = np.linspace(0, len(frames) - HISTORY_FRAMES - WINDOW_FRAMES, 24).astype(int)
    history = np.stack([frames[s : s + HISTORY_FRAMES].ravel() for s in starts])
    ends = starts + HISTORY_FRAMES
    return {
        "x": np.stack([frames[end : end + WINDOW_FRAMES] for end in ends]),
        "h": history[None],
        "c": np.full((1, len(starts), 1), HISTORY_FRAMES, np.float32),
    }


def rows(inputs: Inputs, chosen: NDArray[np.intp]) -> Inputs:
    return {
        "x": inputs["x"][chosen],
        "h": np.ascontiguousarray(inputs["h"][:, chosen]),
        "c": np.ascontiguousarray(inputs["c"][:, chosen]),
    }


def test_rows_do_not_depend_on_the_batch(model_dir: Path, windows: Inputs) -> None:
    engine = open_engine(model_dir / "encoder.onnx", "openvino", precision="int8")
    alone = [engine.run(rows(windows, np.array([i])))["encoder_out"][0].copy() for i in range(24)]
    generator = np.random.default_rng(7)
    for size in (2, 3, 5, 8, 13, 24, 40):
        chosen = generator.integers(0, 24, size)
        together = engine.run(rows(windows, chosen))["encoder_out"]
        for row, index in enumerate(chosen):
            assert (together[row] == alone[index]).all(), f"row {row} of {size}"


def test_close_to_float32(model_dir: Path, windows: Inputs) -> None:
    everything = rows(windows, np.arange(24))
    exact = open_engine(model_dir / "encoder.onnx", "onnxruntime").run(everything)["encoder_out"].copy()
    rounded = open_engine(model_dir / "encoder.onnx", "openvino", precision="int8").run(everything)
    error = np.linalg.norm(rounded["encoder_out"] - exact) / np.linalg.norm(exact)
    assert 0 < error < 0.1
