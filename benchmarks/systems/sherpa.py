"""What both sherpa-onnx servers share: their client, and the model's files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amira_core.tied import tied
from amira_local.ports import free_ports
from benchmarks.load.websocket import WebSocketLine, frame
from benchmarks.load.wire import Line, Tape
from benchmarks.machine import processes_below
from benchmarks.systems.base import Client, Reading, Server, UnavailableError, Windows, pieces

_START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class SherpaTuning:
    """What can be set to make it fast."""

    encoder: str = "int8"
    """int8 or fp32."""
    work_threads: int = 2
    """Threads that decode batches, each one batch at a time."""
    max_batch: int = 5
    """Most streams in a batch."""
    loop_ms: int = 10
    """How often it looks for streams with a chunk."""
    method: str = "greedy_search"
    """greedy_search or modified_beam_search."""

    @property
    def title(self) -> str:
        search = "greedy" if self.method == "greedy_search" else "beam"
        return f"{self.encoder}, {search}"

    @property
    def long_title(self) -> str:
        return f"{self.title}, {self.work_threads} threads, batch {self.max_batch}, loop {self.loop_ms} ms"


class SherpaSpeech(Client):
    """The protocol of sherpa-onnx's online WebSocket servers: float samples in, one JSON per chunk out."""

    def __init__(self, host: str, port: int, window_frames: int, chunk_frames: int) -> None:
        self._address = host, port
        self._windows = Windows(window_frames, chunk_frames)
        self._finish = frame(b"Done", text=True)

    def messages(self, samples: NDArray[np.int16]) -> list[bytes]:
        floats = (samples / 32768).astype("<f4")
        return [frame(piece.tobytes()) for piece in pieces(floats)]

    def line(self) -> Line:
        return WebSocketLine(*self._address, self._finish, b"Done!")

    def readings(self, tape: Tape) -> Iterator[Reading]:
        before = ""
        for number, (at_s, message) in enumerate(tape.arrivals, 1):
            result = json.loads(message)
            text = f"{before} {result['text'].strip()}".strip()
            if result.get("is_final"):
                before = text
            yield Reading(at_s, text, self._windows.needed_s(number))


class SherpaServer(Server):
    """One of sherpa-onnx's servers as a process of its own."""

    client = "sherpa"

    def __init__(self, model_dir: Path, tuning: SherpaTuning, windows: tuple[int, int, int]) -> None:
        self._model_dir = model_dir
        self.tuning = tuning
        self._windows = windows
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """What to run. Raises UnavailableError when it is not installed."""

    def networks(self) -> dict[str, Path]:
        """Files of the model by name. Raises UnavailableError."""
        encoder = "encoder.int8.onnx" if self.tuning.encoder == "int8" else "encoder.onnx"
        files = {
            "tokens": self._model_dir / "tokens.txt",
            "encoder": self._model_dir / encoder,
            "decoder": self._model_dir / "decoder.onnx",
            "joiner": self._model_dir / "joiner.onnx",
        }
        missing = [path.name for path in files.values() if not path.is_file()]
        if missing:
            raise UnavailableError(f"{self._model_dir} has no {', '.join(missing)}")
        return files

    async def start(self) -> None:
        [self._port] = free_ports(1)
        self._process = await asyncio.create_subprocess_exec(
            *tied(signal.SIGKILL, *self.command(self._port)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await self._wait_until_listening(self._process)
        except TimeoutError:
            await self.stop()
            raise UnavailableError(f"{self.name} did not listen within {_START_TIMEOUT_S:g} s") from None

    async def _wait_until_listening(self, process: asyncio.subprocess.Process) -> None:
        while True:
            if process.returncode is not None:
                raise UnavailableError(f"{self.name} ended at start with status {process.returncode}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    def client_options(self) -> dict[str, Any]:
        window, chunk, _ = self._windows
        return {"host": "127.0.0.1", "port": self._port, "window_frames": window, "chunk_frames": chunk}

    def processes(self) -> Mapping[str, Sequence[int]]:
        return {"server": processes_below(self._process.pid)} if self._process is not None else {}

    def settings(self) -> dict[str, Any]:
        return asdict(self.tuning)


class SherpaWebSocket(SherpaServer):
    """sherpa-onnx-online-websocket-server, the C++ program of the package sherpa-onnx-bin."""

    def __init__(self, model_dir: Path, tuning: SherpaTuning, windows: tuple[int, int, int]) -> None:
        super().__init__(model_dir, tuning, windows)
        self.name = "sherpa_" + tuning.long_title.replace(", ", "_").replace(" ", "")
        self.title = f"sherpa-onnx C++, {tuning.title}"

    def command(self, port: int) -> list[str]:
        program = Path(sys.executable).parent / "sherpa-onnx-online-websocket-server"
        if not program.is_file():
            raise UnavailableError("sherpa-onnx-bin is not installed (the extra 'bench')")
        return [
            str(program),
            f"--port={port}",
            *(f"--{name}={path}" for name, path in self.networks().items()),
            f"--num-work-threads={self.tuning.work_threads}",
            f"--max-batch-size={self.tuning.max_batch}",
            f"--loop-interval-ms={self.tuning.loop_ms}",
            f"--decoding-method={self.tuning.method}",
            "--end-tail-padding=0.48",
            "--rule1-min-trailing-silence=2.4",
            "--rule2-min-trailing-silence=1.2",
            "--rule3-min-utterance-length=20",
            "--log-file=/dev/null",
        ]


class SherpaPython(SherpaServer):
    """sherpa-onnx's Python recognizer behind an asyncio server (sherpa_python_server.py)."""

    def __init__(self, model_dir: Path, tuning: SherpaTuning, windows: tuple[int, int, int]) -> None:
        super().__init__(model_dir, tuning, windows)
        self.name = "sherpa_python_" + tuning.long_title.replace(", ", "_").replace(" ", "")
        self.title = f"sherpa-onnx Python, {tuning.title}"

    def command(self, port: int) -> list[str]:
        if find_spec("sherpa_onnx") is None or find_spec("websockets") is None:
            raise UnavailableError("sherpa-onnx or websockets is not installed (the extra 'bench')")
        files = (f"--{name}={path}" for name, path in self.networks().items())
        return [
            sys.executable, "-m", "benchmarks.systems.sherpa_python_server", f"--port={port}", *files,
            f"--threads={self.tuning.work_threads}", f"--max-batch={self.tuning.max_batch}",
            f"--wait-ms={self.tuning.loop_ms}", f"--method={self.tuning.method}",
        ]  # fmt: skip
