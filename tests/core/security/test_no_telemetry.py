"""Nothing is reported to anybody: onnxruntime would tell its maker about models and use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
USE = """
import sys
{first}
import onnxruntime
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
"""


def traces_of(first: str, home: Path, model: Path) -> list[str]:
    """What a process that opens a model leaves in its home: telemetry begins with an id kept there."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    # An address that refuses: the control must not report this machine either.
    environment |= dict.fromkeys(("https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    subprocess.run(
        [sys.executable, "-c", USE.format(first=first), str(model)], env=environment, check=True, timeout=60
    )
    return [path.name for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("package", ["amira_encoder", "amira_decoder", "amira_training"])
def test_each_package_that_runs_models_keeps_quiet(package: str, tmp_path: Path, model_dir: Path) -> None:
    assert traces_of(f"import {package}", tmp_path, next(model_dir.glob("joiner*.onnx"))) == []


def test_every_importer_of_onnxruntime_is_in_such_a_package() -> None:
    importers = [
        path
        for folder in (
            "libs",
            "services",
            "clients",
            "training",
            "deploy",
            "chaos",
            "evaluation",
            "benchmarks",
        )
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^\s*(import|from) onnxruntime\b", path.read_text(), re.MULTILINE)
    ]
    assert importers
    for path in importers:
        package = [each for each in path.parents if (each / "__init__.py").is_file()][-1]
        assert "ORT_DISABLE_TELEMETRY" in (package / "__init__.py").read_text(), path
