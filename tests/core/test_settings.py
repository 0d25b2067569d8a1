"""Settings that cannot be: every service says which and why, in one line, and exits with 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BAD = {
    "gateway": ("AMIRA_GATEWAY_MAX_STREAMS", "many"),
    "frontend": ("AMIRA_FRONTEND_TIME_SLICE_MS", "0"),
    "decoder": ("AMIRA_DECODER_SEARCH", "guess"),
    "triton": ("AMIRA_TRITON_SLOTS", "-1"),
}


@pytest.mark.parametrize("service", BAD)
def test_bad_settings_are_named_without_a_traceback(service: str) -> None:
    name, value = BAD[service]
    done = subprocess.run(
        [sys.executable, "-m", f"amira_{service}"],
        env={**os.environ, name: value, f"AMIRA_{service.upper()}_LOG_LEVEL": "loud"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [line] = done.stderr.splitlines()
    assert "cannot_start" in line
    assert f"{name}: Input should be" in line
    assert f"AMIRA_{service.upper()}_LOG_LEVEL: Input should be" in line
