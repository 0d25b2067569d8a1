"""The health check of NVIDIA's image, against a real Triton."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.triton import TritonProcess

SCRIPT = Path(__file__).resolve().parents[3] / "deploy" / "images" / "triton" / "answers.py"


def ask(triton: TritonProcess) -> tuple[int, str]:
    """Exit status and what it says, with no more than Python itself, as in the image."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), triton.http_url],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_it_goes_through_the_model(model_dir: Path) -> None:
    triton = TritonProcess.start(model_dir)
    try:
        assert ask(triton) == (0, "")
        with triton.frozen_stub():
            status, said = ask(triton)
        assert status == 1
        assert "does not answer" in said
    finally:
        triton.stop()
    status, said = ask(triton)
    assert status == 1
    assert "refused" in said
