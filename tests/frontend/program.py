"""The frontend as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Program:
    """A running frontend."""

    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        """Log lines of that name so far."""
        whole = self.log.read_text().rpartition("\n")[0]  # a line may be half written
        lines = [line for line in whole.splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.events('listening')[0]['port']}"

    def wait_until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Fails if the process ends, or the time is over, before the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


@contextlib.contextmanager
def running(log: Path, **settings: str) -> Iterator[Program]:
    """A frontend that is ready, on a free port; killed at the end if it still runs."""
    environment = {**os.environ, "AMIRA_FRONTEND_LISTEN": "127.0.0.1:0"}
    environment |= {f"AMIRA_FRONTEND_{name.upper()}": value for name, value in settings.items()}
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", "amira_frontend"], env=environment, stderr=output)
    program = Program(process, log)
    try:
        program.wait_until(lambda: program.events("ready"))
        yield program
    finally:
        process.kill()
        process.wait()
