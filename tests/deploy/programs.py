"""Services as programs, started from wherever they are installed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Program:
    """A running program that logs JSON."""

    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        """Lines of its log with that event so far."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line.get("event") == name]

    @property
    def target(self) -> str:
        """Its gRPC address; waits until it listens."""
        return self._listens(lambda line: line.get("serves") != "web" and line["port"] > 0)

    @property
    def web_target(self) -> str:
        """The address of its web port, likewise."""
        return self._listens(lambda line: line.get("serves") == "web")

    def _listens(self, where: Callable[[dict[str, Any]], bool]) -> str:
        self.wait_until(lambda: any(map(where, self.events("listening"))))
        return f"127.0.0.1:{next(filter(where, self.events('listening')))['port']}"

    def wait_until(self, condition: Callable[[], object], seconds: float = 90) -> None:
        """Fails if the program ends, or the time is over, before the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)


def outside() -> dict[str, str]:
    """This process's environment, less all that points at its own Python or its own settings."""
    own = ("AMIRA_", "PYTHON", "VIRTUAL_ENV", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {
        "OMP_NUM_THREADS": "1"
    }


@contextlib.contextmanager
def running(
    log: Path, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path | None = None
) -> Iterator[Program]:
    """A program with these variables and none of ours; killed at the end if it still runs."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=outside() | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
        )
    try:
        yield Program(process, log)
    finally:
        process.kill()
        process.wait()


def decoder(log: Path, model_dir: Path) -> contextlib.AbstractContextManager[Program]:
    """A decoder on a free port, with the encoder inside."""
    environment = {
        "AMIRA_DECODER_LISTEN": "127.0.0.1:0",
        "AMIRA_DECODER_ENCODER": "in_process",
        "AMIRA_DECODER_IN_PROCESS_THREADS": "1",
        "AMIRA_DECODER_MODEL_DIR": str(model_dir),
        "AMIRA_DECODER_SEARCH": "greedy",
        "AMIRA_DECODER_TARGET_LOAD": "0",  # a busy machine must not refuse a test
    }
    return running(log, [sys.executable, "-m", "amira_decoder"], environment)


def node(log: Path, model_dir: Path, *command: str | Path) -> contextlib.AbstractContextManager[Program]:
    """Everything in one process on a free port, started by `command`."""
    environment = {
        "AMIRA_GATEWAY_LISTEN": "127.0.0.1:0",
        "AMIRA_GATEWAY_SERVICE_TIMEOUT_S": "60",
        "AMIRA_GATEWAY_MAX_LOOP_LAG_MS": "0",
        "AMIRA_DECODER_ENCODER": "in_process",
        "AMIRA_DECODER_IN_PROCESS_THREADS": "1",
        "AMIRA_DECODER_MODEL_DIR": str(model_dir),
        "AMIRA_DECODER_TARGET_LOAD": "0",  # a busy machine must not refuse a test
    }
    return running(log, command, environment)


def frontend(log: Path, *command: str | Path) -> contextlib.AbstractContextManager[Program]:
    """A frontend on a free port, started by `command`; without one, the one under test here."""
    environment = {"AMIRA_FRONTEND_LISTEN": "127.0.0.1:0"}
    return running(log, command or [sys.executable, "-m", "amira_frontend"], environment)


def gateway(
    log: Path, services: tuple[Program, Program], *command: str | Path, **settings: str
) -> contextlib.AbstractContextManager[Program]:
    """A gateway on a free port before (frontend, decoder)."""
    values = {
        "LISTEN": "127.0.0.1:0",
        "FRONTEND_TARGET": services[0].target,
        "DECODER_TARGET": services[1].target,
        "SERVICE_TIMEOUT_S": "60",  # a busy machine is no service that hangs
        "START_TIMEOUT_S": "60",
        **settings,
    }
    environment = {f"AMIRA_GATEWAY_{name.upper()}": value for name, value in values.items()}
    return running(log, command or [sys.executable, "-m", "amira_gateway"], environment)
