"""What the export writes, the server and sherpa-onnx load; the weights can be read back."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest
import sherpa_onnx
import torch

from amira_decoder.model import TransducerFolder
from amira_training.export.model_folder import export_encoder
from amira_training.export.weights import chunking_of, read_encoder
from amira_training.model import geometry as g
from tests.training.export.conftest import Exported


def test_the_server_opens_it(exported: Exported) -> None:
    folder = TransducerFolder.open(exported.folder)
    assert folder.encoder.name == "encoder.onnx"
    assert folder.vocab_size == exported.transducer.embedding.num_embeddings
    assert folder.context_size == g.CONTEXT_SIZE


def test_sherpa_decodes_with_it(exported: Exported) -> None:
    files = {part: str(exported.folder / f"{part}.onnx") for part in ("encoder", "decoder", "joiner")}
    recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=str(exported.folder / "tokens.txt"), num_threads=1, **files
    )
    stream = recognizer.create_stream()
    stream.accept_waveform(16000, np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32))
    steps = 0
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
        steps += 1
    assert steps == 12  # of 160 ms in 2 s, the last 80 ms are less than a chunk


def test_predictor_and_joiner_are_the_network(exported: Exported) -> None:
    y = np.array([[0, 0], [3, 7], [0, 5]], np.int64)
    predictor = onnxruntime.InferenceSession(exported.folder / "decoder.onnx").run(None, {"y": y})[0]
    frames = np.random.default_rng(0).normal(size=(3, g.JOINER_DIM)).astype(np.float32)
    joiner = onnxruntime.InferenceSession(exported.folder / "joiner.onnx")
    logits = joiner.run(None, {"encoder_out": frames, "decoder_out": predictor})[0]
    with torch.no_grad():
        expected = exported.transducer.predict(torch.from_numpy(y))[:, 0]
        np.testing.assert_allclose(predictor, expected, atol=1e-5)
        joined = exported.transducer.join(torch.from_numpy(frames), expected)
    np.testing.assert_allclose(logits, joined, atol=1e-4)


def test_weights_can_be_read_back(exported: Exported) -> None:
    read = read_encoder(exported.folder / "encoder.onnx").state_dict()
    for name, tensor in exported.encoder.state_dict().items():
        assert torch.equal(read[name], tensor), name
    assert chunking_of(exported.folder / "encoder.onnx") == exported.chunking


def test_other_graphs_are_refused(exported: Exported) -> None:
    with pytest.raises(ValueError, match="not an encoder of this recipe"):
        read_encoder(exported.folder / "joiner.onnx")


def test_same_weights_in_other_chunks(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("other") / "encoder.onnx"
    network = read_encoder(exported.folder / "encoder.onnx")
    export_encoder(target, network, g.Chunking.of_chunk_ms(640, 30), "other chunks")
    inputs = {item.name: item.shape for item in onnxruntime.InferenceSession(target).get_inputs()}
    assert inputs["x"][1] == 66
    weights = {item.name for item in onnx.load(str(target)).graph.initializer}
    assert not [name for name in weights if name.startswith("onnx::")]


def test_checksums(exported: Exported) -> None:
    lines = (exported.folder / "SHA256SUMS").read_text().splitlines()
    expected = {path.name for path in exported.folder.iterdir()} - {"SHA256SUMS"}
    assert {line.split("  ")[1] for line in lines} == expected
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((exported.folder / name).read_bytes()).hexdigest() == digest


def test_int8_copy_is_a_third(exported: Exported) -> None:
    sizes = {path.name: path.stat().st_size for path in exported.folder.iterdir()}
    assert sizes["encoder.onnx"] < 40e6
    assert sizes["encoder.int8.onnx"] < sizes["encoder.onnx"] / 2
