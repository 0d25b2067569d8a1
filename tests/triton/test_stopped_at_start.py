"""SIGTERM while Triton starts: no traceback, status 0, nothing left behind."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.processes import catches
from tests.support.triton import TritonProcess, alive, wait_until


@pytest.mark.parametrize("after", ["imports", "triton_started"])
def test_stopped_at_start(model_dir: Path, after: str) -> None:
    triton = TritonProcess.start(model_dir, slots=4, wait=False)
    try:
        if after == "imports":
            wait_until(lambda: catches(triton.process.pid, signal.SIGTERM), "SIGTERM is never caught")
        else:
            triton.wait_for_event(after)
        triton.ask_to_stop()
        assert triton.process.wait(30) == 0
        assert triton.count("cannot_start") == 0
        assert triton.count("stopped_at_start") == (after == "imports")
        if after == "triton_started":
            assert not alive(triton.server_pid())
    finally:
        triton.stop()
