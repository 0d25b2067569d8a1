"""The decoder as a program: what it says when it cannot start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def start(**settings: str) -> tuple[int, str]:
    """Exit status and log of a decoder that is not expected to run."""
    done = subprocess.run(
        [sys.executable, "-m", "amira_decoder"],
        env={**os.environ, **{f"AMIRA_DECODER_{name}": value for name, value in settings.items()}},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_broken_encoder_is_named_without_a_traceback(model_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(model_dir, tmp_path / "model")
    (tmp_path / "model" / "encoder.onnx").write_bytes(b"not a graph")
    status, log = start(LISTEN="127.0.0.1:0", ENCODER="in_process", MODEL_DIR=str(tmp_path / "model"))
    assert status == 2
    assert "cannot be read as an ONNX graph" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(("name", "value"), [("BEAM", "51"), ("MAX_CONTEXTS", "65"), ("MAX_STATES", "0")])
def test_widths_that_no_search_takes_are_refused_at_start(name: str, value: str) -> None:
    status, log = start(**{name: value})
    assert status == 2
    assert f"AMIRA_DECODER_{name}" in log
    assert "Traceback" not in log
