"""The decoder as a program of its own, with the encoder inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DecoderProgram:
    """A running `python -m amira_decoder`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.target = f"127.0.0.1:{port}"

    def log_until(self, event: str) -> dict[str, object]:
        """Reads the log up to an event; gives its line."""
        assert self.process.stderr is not None
        return _read_until(self.process, event)


@contextmanager
def decoder_program(model_dir: Path, **variables: str) -> Iterator[DecoderProgram]:
    """Starts one and waits until it is ready; kills it at the end if it still runs."""
    variables = {
        "LISTEN": "127.0.0.1:0",
        "ENCODER": "in_process",
        "IN_PROCESS_SLOTS": "8",
        "MODEL_DIR": str(model_dir),
        "SEARCH": "greedy",
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "amira_decoder"],
        env={**os.environ, **{f"AMIRA_DECODER_{name}": value for name, value in variables.items()}},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            port = _read_until(process, "listening")["port"]
            assert isinstance(port, int)
            program = DecoderProgram(process, port)
            program.log_until("ready")
            yield program
        finally:
            process.kill()


def _read_until(process: subprocess.Popen[str], event: str) -> dict[str, object]:
    assert process.stderr is not None
    for text in process.stderr:
        line: dict[str, object] = json.loads(text) if text.startswith("{") else {}
        if line.get("event") == event:
            return line
    raise AssertionError(f"the decoder ended without {event!r}")
