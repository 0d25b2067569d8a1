"""A real Triton under its real supervisor, for tests.

Usage::

    triton = TritonProcess.start(model_dir, slots=8)
    encoder = TritonEncoder(triton.target)
    ...
    triton.stop()
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from amira_local.ports import free_ports
from amira_triton.stub_process import find_stub

_START_TIMEOUT_S = 250.0


class TritonProcess:
    """``python -m amira_triton`` on free ports."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes], ports: list[int]) -> None:
        self.process = process
        self.target = f"127.0.0.1:{ports[0]}"
        """Triton's gRPC address."""
        self.http_url = f"http://127.0.0.1:{ports[1]}"
        self.metrics_url = f"http://127.0.0.1:{ports[2]}/metrics"
        self._log = log
        self._asked = False

    @classmethod
    def start(
        cls,
        model_dir: Path,
        slots: int = 8,
        engine: str = "onnxruntime",
        wait: bool = True,
        **settings: str | int | float,
    ) -> TritonProcess:
        """Starts the supervisor and waits until its Triton answers.

        Args:
            model_dir: the model to serve.
            slots: size of the slot table.
            engine: inference engine; onnxruntime by default, the same on every machine.
            wait: False returns at once.
            settings: further fields of TritonSettings.
        """
        ports = free_ports(3)
        values: dict[str, Any] = {
            "grpc_address": f"127.0.0.1:{ports[0]}",
            "http_address": f"127.0.0.1:{ports[1]}",
            "metrics_address": f"127.0.0.1:{ports[2]}",
            "model_dir": model_dir,
            "slots": slots,
            "engine": engine,
            "canary_interval_ms": 200,
            "start_timeout_s": _START_TIMEOUT_S,
            **settings,
        }
        environment = {f"AMIRA_TRITON_{name.upper()}": str(value) for name, value in values.items()}
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        process = subprocess.Popen(
            [sys.executable, "-m", "amira_triton"],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        triton = cls(process, log, ports)
        if wait:
            triton.wait_for_event("triton_ready")
        return triton

    def events(self) -> list[dict[str, Any]]:
        """The supervisor's log so far."""
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), size, 0).decode()
        whole = text.rpartition("\n")[0]  # a line may be half written
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def count(self, event: str) -> int:
        """How often an event has been logged."""
        return sum(entry["event"] == event for entry in self.events())

    def wait_for_event(self, event: str, times: int = 1) -> dict[str, Any]:
        """Waits until an event was logged for the `times`-th time; fails if the supervisor ends first."""

        def seen() -> bool:
            return self.count(event) >= times or self.process.poll() is not None

        wait_until(seen, f"{event} was not logged {times} times", _START_TIMEOUT_S)
        matching = [entry for entry in self.events() if entry["event"] == event]
        assert len(matching) >= times, (
            f"the supervisor ended with {self.process.poll()}: {self.events()[-3:]}"
        )
        return matching[times - 1]

    def server_pid(self) -> int:
        """Process id of the tritonserver that runs now (or ran last)."""
        return int([entry for entry in self.events() if entry["event"] == "triton_started"][-1]["pid"])

    def stub_pid(self) -> int:
        """Process id of the process that runs the model."""
        stub = find_stub(self.server_pid())
        assert stub is not None, "there is no stub process"
        return stub

    def kill_stub(self) -> None:
        """Kills the process that runs the model, as a crash would."""
        os.kill(self.stub_pid(), signal.SIGKILL)

    @contextmanager
    def frozen_stub(self) -> Iterator[None]:
        """Stops the process that runs the model in its tracks: no step ends inside, however fast it is."""
        stub = self.stub_pid()
        os.kill(stub, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):  # killed inside
                os.kill(stub, signal.SIGCONT)

    def kill_server(self) -> None:
        """Kills tritonserver, as a crash would."""
        os.kill(self.server_pid(), signal.SIGKILL)

    def ask_to_stop(self) -> None:
        """SIGTERM, once: a second one would end the supervisor in mid-stop."""
        if not self._asked and self.process.poll() is None:
            self.process.terminate()
        self._asked = True

    def stop(self) -> int:
        """SIGTERM, then SIGKILL if that does not help; returns the exit status."""
        self.ask_to_stop()
        try:
            status = self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._log.close()
        return status


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], otherwise: str, timeout_s: float = 60.0) -> None:
    """Polls until the condition holds; fails with `otherwise` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
