"""`amira models check` lets exports of every architecture pass."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

pytest.importorskip("torch", reason="torch exports the tiny models")

from amira_local.demo import DEMO_CLIP
from amira_local.models.check import TrialOptions, try_model
from amira_local.models.report import describe, open_model
from tests.support.exports import ARCHITECTURES, write_transducer


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_can_serve(architecture: str, tmp_path: Path) -> None:
    model = open_model(write_transducer(tmp_path / architecture, ARCHITECTURES[architecture]).path)
    rows = dict(describe(model))
    assert rows["architecture"].split()[0] == ARCHITECTURES[architecture].metadata["model_type"]
    trial = try_model(model, DEMO_CLIP, TrialOptions(engine="onnxruntime", threads=1, search="greedy"))
    assert [finding for finding in trial.findings if finding.level == "problem"] == []


def test_an_int8_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As some archives hold it: encoder and joiner rounded, the predictor not."""
    caplog.set_level(logging.ERROR)
    model = write_transducer(tmp_path / "full", ARCHITECTURES["zipformer2"])
    for path in (model.encoder, model.joiner):
        quantize_dynamic(
            path,
            path.with_suffix(".int8.onnx"),
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
        )
        path.unlink()
    opened = open_model(model.path)
    assert opened.folder.encoder.name == "encoder-epoch-99-avg-1.int8.onnx"
    trial = try_model(opened, DEMO_CLIP, TrialOptions(threads=1, search="greedy"))
    assert [(finding.level, finding.text.split(",")[0]) for finding in trial.findings] == [
        ("advice", "streams are encoded one by one")
    ]
