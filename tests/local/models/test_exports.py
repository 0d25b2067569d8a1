"""`amira models check` lets exports of every architecture pass."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch exports the tiny models")

from amira_local.demo import DEMO_CLIP
from amira_local.models.check import How, try_model
from amira_local.models.report import describe, open_model
from tests.support.exports import ARCHITECTURES, write_transducer


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_can_serve(architecture: str, tmp_path: Path) -> None:
    model = open_model(write_transducer(tmp_path / architecture, ARCHITECTURES[architecture]).path)
    rows = dict(describe(model))
    assert rows["architecture"].split()[0] == ARCHITECTURES[architecture].metadata["model_type"]
    trial = try_model(model, DEMO_CLIP, How(engine="onnxruntime", threads=1, search="greedy"))
    assert [finding for finding in trial.findings if finding.level == "problem"] == []
