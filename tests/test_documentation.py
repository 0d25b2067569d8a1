"""Pages that repeat what the code says are held to it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from amira_encoder.options import EncoderOptions

ROOT = Path(__file__).resolve().parent.parent


def test_the_configuration_page_is_current() -> None:
    script = ROOT / "scripts" / "generate_configuration.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_encoders_variables_are_documented_with_their_defaults() -> None:
    page = (ROOT / "deploy" / "triton" / "README.md").read_text()
    rows = dict(re.findall(r"^\| `(AMIRA_ENCODER_\w+)` \| (.+?) \|", page, re.MULTILINE))
    defaults = EncoderOptions(Path("(required)"), drain_file=Path("(none)")).to_environment()
    assert rows == defaults
