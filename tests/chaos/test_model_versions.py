"""Versions of a model that are told apart by checksum and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from amira_encoder.graph import read_graph
from amira_encoder.model_folder import find_encoder, fingerprint
from chaos.model_versions import ModelVersions
from tests.conftest import ROOT

MODEL = ROOT / "models" / "starter-en"


def computed(encoder: Path) -> Sequence[np.ndarray]:
    """What it gives for some features."""
    graph = read_graph(encoder)
    features = np.random.default_rng(1).normal(-8, 2, (1, graph.window_frames, graph.feature_dim))
    inputs = graph.zero_inputs(1) | {graph.features_name: features.astype(np.float32)}
    found: Sequence[np.ndarray] = onnxruntime.InferenceSession(str(encoder)).run(None, inputs)
    return found


def test_each_is_another_model_to_every_checksum_and_the_same_to_every_ear() -> None:
    versions = ModelVersions(MODEL)
    try:
        assert versions.folder.name == MODEL.name
        seen = {fingerprint(find_encoder(versions.folder))}
        first = read_graph(find_encoder(versions.folder))
        for number in (2, 3):
            versions.next()
            encoder = find_encoder(versions.folder)
            seen.add(fingerprint(encoder))
            graph = read_graph(encoder)
            assert graph.metadata["chaos_version"] == str(number)
            assert {key: graph.metadata[key] for key in first.metadata} == first.metadata
            assert graph.states == first.states
            assert {path.name for path in versions.folder.iterdir()} == {
                path.name for path in MODEL.iterdir()
            }
        assert len(seen) == 3
        for mine, original in zip(computed(encoder), computed(find_encoder(MODEL)), strict=True):
            np.testing.assert_array_equal(mine, original)
    finally:
        versions.remove()
    assert not versions.folder.exists()
    assert (MODEL / "decoder.onnx").is_file(), "the original stays"
