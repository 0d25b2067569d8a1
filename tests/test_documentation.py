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


NAMED_FILE = re.compile(r"`((?:services|libs|docs|protos|deploy|models|scripts|requirements)/[\w./-]+)`")


def test_links_and_named_files_exist() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/*/README.md")]:
        text = page.read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert "://" in target or (page.parent / target).exists(), (page.name, target)
        for path in NAMED_FILE.findall(text):
            assert (ROOT / path).exists(), (page.name, path)
