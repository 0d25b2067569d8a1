"""One service as a child process: its output by lines, its end, its stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping

from amira_core.tied import tied

_RECENT_LINES = 40
_LONGEST_LINE_BYTES = 64 * 1024
_LAST_OUTPUT_S = 2.0


class ServiceProcess:
    """A running service. Made by :meth:`start`.

    Attributes:
        name: the service's name.
        target: the gRPC address it serves on.
        recent_lines: the end of its output.
    """

    def __init__(
        self,
        name: str,
        target: str,
        process: asyncio.subprocess.Process,
        output: asyncio.StreamReader,
        on_line: Callable[[str], None],
    ) -> None:
        self.name = name
        self.target = target
        self.recent_lines: deque[str] = deque(maxlen=_RECENT_LINES)
        self._process = process
        self._output = output
        self._on_line = on_line
        self._reading = asyncio.create_task(self._read(), name=f"{name}-output")

    @classmethod
    async def start(
        cls, name: str, module: str, target: str, env: Mapping[str, str], on_line: Callable[[str], None]
    ) -> ServiceProcess:
        """Runs ``python -m module``; it dies with this process, even when that is killed."""
        output, write_end = await _pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                # SIGTERM, so that the Triton supervisor can still stop tritonserver.
                *tied(signal.SIGTERM, sys.executable, "-m", module),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(env),
                # A group of its own: Ctrl-C reaches only us, and we stop the services in order.
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(write_end)
        return cls(name, target, process, output, on_line)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Waits for the end, and for the last of the output; returns the exit status."""
        status = await self._process.wait()
        self._kill_group()  # whatever the service started must not outlive it
        await asyncio.wait([self._reading], timeout=_LAST_OUTPUT_S)
        return status

    def kill(self) -> None:
        """SIGKILL to the service alone, as the kernel would when memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, timeout_s: float) -> bool:
        """SIGTERM, then SIGKILL after `timeout_s`; returns whether it stopped by itself."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(timeout_s):
                await self.wait()
        except TimeoutError:
            self._kill_group()
            await self.wait()
            return False
        return True

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _read(self) -> None:
        pending = b""
        while block := await self._output.read(_LONGEST_LINE_BYTES):
            *lines, pending = (pending + block).split(b"\n")
            for line in lines:
                self._take(line)
            if len(pending) > _LONGEST_LINE_BYTES:
                self._take(pending)
                pending = b""
        if pending:
            self._take(pending)

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            self.recent_lines.append(text)
            self._on_line(text)


async def _pipe() -> tuple[asyncio.StreamReader, int]:
    """A pipe of our own: with asyncio's, some 3.11 releases wait for every holder of its other end."""
    read_end, write_end = os.pipe()
    output = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb", buffering=0)
    )
    return output, write_end


def describe_exit(status: int) -> str:
    """`status` in words."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
