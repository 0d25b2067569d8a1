"""A process of Triton's does not outlive it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from pathlib import Path
from amira_encoder.parent import end_with_parent
while os.getppid() == int(sys.argv[2]):
    time.sleep(0.01)
Path(sys.argv[1], "orphan").write_text(str(os.getppid()))
end_with_parent()
time.sleep(0.2)
Path(sys.argv[1], "went_on").touch()
"""


def test_one_whose_parent_went_before_it_looked_ends_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    subprocess.run(
        # The shell is its parent, and ends.
        ["/bin/sh", "-c", f"{sys.executable} {program} {tmp_path} $$ & sleep 1"],
        check=True,
        timeout=120,
    )
    give_up = time.monotonic() + 120
    while not (orphan := tmp_path / "orphan").exists() or not orphan.read_text():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    if orphan.read_text() != "1":
        pytest.skip("orphans are adopted by another process than the first one here")
    time.sleep(1.5)
    assert not (tmp_path / "went_on").exists()
