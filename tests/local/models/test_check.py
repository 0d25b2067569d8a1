"""`amira models check` finds what is wrong with a model, and lets good ones pass."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import soundfile
from onnx import numpy_helper

from amira_local.demo import DEMO_CLIP
from amira_local.models.check import Trial, TrialOptions, read_features, try_model
from amira_local.models.errors import ModelsError
from amira_local.models.report import UnusableModelError, describe, open_model
from tests.decoder.search.tiny_model import DIM, write_tiny_model
from tests.support.features import fbank_of

GREEDY = TrialOptions(engine="onnxruntime", threads=1, search="greedy")

# Takes one value a frame and adds what it has heard before; 4 encoder frames of a chunk of 8.
ENCODER = """
encoder (float[N,12,80] x, float[N,80] heard) => (float[N,4,6] encoder_out, float[N,80] new_heard)
<float[80,6] weight>
{
    kept = Slice (x, start, end, axis, step)
    mean = ReduceMean <axes: ints = [1], keepdims: int = 0> (kept)
    halved = Mul (heard, half)
    new_heard = Add (halved, mean)
    row = Unsqueeze (new_heard, axis)
    both = Add (kept, row)
    small = Mul (both, tenth)
    bounded = Tanh (small)
    encoder_out = MatMul (bounded, weight)
}
"""
METADATA = {"model_type": "lstm", "T": "12", "decode_chunk_len": "8"}
CONSTANTS = {
    "start": np.array([0]),
    "end": np.array([8]),
    "axis": np.array([1]),
    "step": np.array([2]),
    "half": np.array(0.5, np.float32),
    "tenth": np.array(0.1, np.float32),
}

WriteModel = Callable[..., Path]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of the bundled recording, as WAV."""
    samples, rate_hz = soundfile.read(DEMO_CLIP, stop=48_000, dtype="int16")
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(path, samples, rate_hz)
    return path


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes a model folder around an encoder given as text."""

    def write(
        encoder: str = ENCODER,
        metadata: dict[str, str] = METADATA,
        pieces: tuple[str, ...] = ("\u2581a", "b", "c"),
        **weights: np.ndarray,  # type: ignore[type-arg]  # shapes differ
    ) -> Path:
        folder = write_tiny_model(tmp_path / "model", pieces, seed=3).path
        model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>' + encoder)
        given = {**CONSTANTS, "weight": np.random.default_rng(1).normal(0, 1, (80, 6)), **weights}
        used = {name for node in model.graph.node for name in node.input}
        del model.graph.initializer[:]
        for name, array in given.items():
            if name in used:
                kind = array.dtype if array.dtype == np.int64 else np.float32
                model.graph.initializer.append(numpy_helper.from_array(array.astype(kind), name))
        onnx.helper.set_model_props(model, metadata)
        onnx.save(model, str(folder / "encoder.onnx"))
        return folder

    return write


def findings(trial: Trial, level: str) -> list[str]:
    return [finding.text for finding in trial.findings if finding.level == level]


def test_a_good_model(write_model: WriteModel, clip: Path) -> None:
    trial = try_model(open_model(write_model()), clip, GREEDY)
    assert (trial.failed, findings(trial, "problem")) == (False, [])
    measured = dict(trial.measured)
    assert list(measured) == [
        "engine",
        "language model",
        "batching",
        "1 stream",
        "8 streams",
        "search",
        "words",
    ]
    assert measured["engine"] == "onnxruntime f32, 1 thread(s)"
    assert "each bit for bit as alone" in measured["batching"]
    assert "real-time factor" in measured["8 streams"]
    assert measured["search"] == "greedy"


def test_the_bundled_model(model_dir: Path, clip: Path) -> None:
    trial = try_model(open_model(model_dir), clip, GREEDY)
    assert trial.findings == []
    assert len(dict(trial.measured)["words"].split()) >= 3


def test_features_are_the_frontends(tmp_path: Path) -> None:
    np.testing.assert_allclose(read_features(DEMO_CLIP), fbank_of(DEMO_CLIP), atol=0.02)
    samples, rate_hz = soundfile.read(DEMO_CLIP, stop=16_000)
    soundfile.write(tmp_path / "clip.mp3", samples, rate_hz)  # not a format of the server's
    assert len(read_features(tmp_path / "clip.mp3")) >= 90


def test_a_clip_shorter_than_a_chunk(write_model: WriteModel, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.zeros(500, np.int16), 16_000)
    trial = try_model(open_model(write_model()), tmp_path / "short.wav", GREEDY)
    assert not trial.failed


@pytest.mark.parametrize("content", [None, b"", b"not a recording"])
def test_a_clip_that_cannot_be_read(write_model: WriteModel, tmp_path: Path, content: bytes | None) -> None:
    clip = tmp_path / "clip.wav"
    if content is not None:
        clip.write_bytes(content)
    with pytest.raises(ModelsError, match=r"clip .*clip\.wav cannot be read"):
        try_model(open_model(write_model()), clip, GREEDY)


MIXING = ENCODER.replace(
    "mean = ReduceMean <axes: ints = [1], keepdims: int = 0> (kept)",
    "everyone = ReduceMean <axes: ints = [0, 1]> (kept) shape = Shape (heard) "
    "flat = Squeeze (everyone, axis) mean = Expand (flat, shape)",
)


def test_streams_that_hear_each_other(write_model: WriteModel, clip: Path) -> None:
    """The server protects them by running rows singly, and the check says what that costs."""
    trial = try_model(open_model(write_model(MIXING)), clip, GREEDY)
    assert not trial.failed
    assert dict(trial.measured)["engine"] == "onnxruntime f32, row by row, 1 thread(s)"
    assert any("encoded one by one" in text for text in findings(trial, "advice"))


def test_results_that_are_no_numbers(write_model: WriteModel, clip: Path) -> None:
    weight = np.ones((80, 6))
    weight[3, 2] = np.nan
    trial = try_model(open_model(write_model(weight=weight)), clip, GREEDY)
    assert any("NaN or infinity for speech (chunk 1)" in text for text in findings(trial, "problem"))
    overflowing = ENCODER.replace("bounded = Tanh (small)", "bounded = Exp (both)")
    trial = try_model(open_model(write_model(overflowing, weight=np.full((80, 6), 1e38))), clip, GREEDY)
    assert any("for loud noise" in text for text in findings(trial, "problem"))


def test_networks_of_two_models(write_model: WriteModel, clip: Path) -> None:
    wide = ENCODER.replace("float[N,4,6]", "float[N,4,7]").replace("float[80,6]", "float[80,7]")
    trial = try_model(open_model(write_model(wide, weight=np.ones((80, 7)))), clip, GREEDY)
    assert findings(trial, "problem") == [
        f"the encoder gives 7 values a frame, but the joiner takes {DIM}",
    ]


def test_other_features(write_model: WriteModel, clip: Path) -> None:
    narrow = ENCODER.replace("80", "40")
    trial = try_model(open_model(write_model(narrow, weight=np.ones((40, 6)))), clip, GREEDY)
    assert findings(trial, "problem") == ["the encoder wants 40 values a frame; the frontend computes 80"]


def test_metadata_that_does_not_add_up(write_model: WriteModel, clip: Path) -> None:
    metadata = {"T": "12", "decode_chunk_len": "14"}
    trial = try_model(open_model(write_model(metadata=metadata)), clip, GREEDY)
    assert findings(trial, "problem") == ["T=12 is less than decode_chunk_len=14: audio would be skipped"]
    assert "the encoder's metadata has no model_type" in findings(trial, "advice")
    metadata = {**METADATA, "decode_chunk_len": "9"}
    trial = try_model(open_model(write_model(metadata=metadata)), clip, GREEDY)
    assert findings(trial, "problem") == []
    assert any("do not divide into 4 encoder frames" in text for text in findings(trial, "advice"))


def test_byte_level_tokens(write_model: WriteModel, clip: Path) -> None:
    pieces = ("\u2581\u018b\u0163\u0145", "\u0163\u0145", "\u018b\u0120")
    trial = try_model(open_model(write_model(pieces=pieces)), clip, GREEDY)
    assert any("byte-level BPE" in text for text in findings(trial, "problem"))


def test_a_sentencepiece_model_of_another_model(write_model: WriteModel, clip: Path, model_dir: Path) -> None:
    folder = write_model()
    shutil.copy(model_dir / "bpe.model", folder)
    trial = try_model(open_model(folder), clip, GREEDY)
    assert any("pieces are not in tokens.txt" in text for text in findings(trial, "advice"))
    assert not trial.failed


@pytest.mark.parametrize(
    "options", [TrialOptions(engine="onnxruntime", search="k2"), TrialOptions(engine="openvino", threads=1)]
)
def test_what_is_not_installed(
    write_model: WriteModel, clip: Path, options: TrialOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amira_encoder.engine.find_spec", lambda name: None)
    monkeypatch.setattr("amira_decoder.searches.available_methods", lambda: ("beam", "greedy"))
    with pytest.raises(ModelsError, match=r"not installed|cannot run here"):
        try_model(open_model(write_model()), clip, options)


def test_garbage_folders(tmp_path: Path, write_model: WriteModel) -> None:
    with pytest.raises(UnusableModelError, match="no model folder at"):
        open_model(tmp_path / "nowhere")
    with pytest.raises(UnusableModelError, match=r"no encoder\*\.onnx .*\(there is no \.onnx file at all\)"):
        open_model(tmp_path)
    folder = write_model()
    encoder = (folder / "encoder.onnx").read_bytes()
    for content in (b"", encoder[: len(encoder) // 2], b"\x08\x07" * 500):
        (folder / "encoder.onnx").write_bytes(content)
        with pytest.raises(UnusableModelError, match="cannot be read as an ONNX graph"):
            open_model(folder)


def test_description(write_model: WriteModel) -> None:
    folder = write_model(metadata={**METADATA, "left_context_len": "64,32", "comment": "tiny"})
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n")
    rows = dict(describe(open_model(folder)))
    assert rows["architecture"] == "lstm (tiny)"
    assert rows["chunk"] == "80 ms: 4 encoder frames of 6 values"
    assert rows["look-ahead"] == "40 ms"
    assert rows["left context"] == "64,32 (metadata left_context_len)"
    assert rows["state per stream"] == "0.3 KiB in 1 tensor(s)"
    assert rows["parameters"].startswith("encoder 0.00 M, predictor 0.00 M, joiner 0.00 M")
    assert rows["licence"] == "apache-2.0 (README.md)"
    assert rows["origin"] == "no record of a pull"
