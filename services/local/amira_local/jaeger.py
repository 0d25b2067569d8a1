"""Jaeger on this machine, for a local stack's traces. `python -m amira_local.jaeger` is `make jaeger`."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from rich.console import Console

from amira_core.tied import tied
from amira_local.options import StackOptions
from amira_local.ports import LOOPBACK, free_ports, is_taken
from amira_local.trace_view import URL_VARIABLE

VERSION = "2.13.0"

_ROOT = Path(__file__).resolve().parents[3]
_CONFIG = _ROOT / "deploy" / "jaeger" / "jaeger.yaml"
_BUILT = _ROOT / "build" / "jaeger" / f"jaeger-{VERSION}"
_START_TIMEOUT_S = 30.0
_POLL_S = 0.1
_STOP_TIMEOUT_S = 3.0


class JaegerError(Exception):
    """Jaeger cannot run here; the message says what to do."""


@dataclass(frozen=True)
class JaegerPorts:
    """Where Jaeger listens; the defaults are its own."""

    ui: int = 16686
    query: int = 16685
    health: int = 13133
    otlp_grpc: int = 4317
    otlp_http: int = 4318

    @classmethod
    def free(cls) -> JaegerPorts:
        """Ports that nobody listened on just now."""
        return cls(*free_ports(5))


def find_jaeger() -> Path | None:
    """The program: the one that `make jaeger` builds, else one on the PATH."""
    if _BUILT.is_file():
        return _BUILT
    found = shutil.which("jaeger")
    return Path(found) if found else None


class Jaeger:
    """A running Jaeger, as long as the ``async with`` block; it dies with this process.

    Attributes:
        url: of its query API and its pages.
    """

    def __init__(self, ports: JaegerPorts | None = None) -> None:
        """`ports`: None: its own, as other programs expect them."""
        self._ports = ports or JaegerPorts()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"http://{LOOPBACK}:{self._ports.ui}"

    @property
    def environment(self) -> dict[str, str]:
        """What has a stack send its traces here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{self._ports.otlp_grpc}",
            "AMIRA_TRITON_OTLP_HTTP_ENDPOINT": f"http://{LOOPBACK}:{self._ports.otlp_http}",
            URL_VARIABLE: self.url,
        }

    async def start(self) -> None:
        """Returns once it answers. Raises JaegerError."""
        program = find_jaeger()
        if program is None:
            raise JaegerError(
                "There is no Jaeger here: `make jaeger` builds it, or says how to run its image."
            )
        ports = vars(self._ports)
        taken = [str(port) for port in ports.values() if is_taken(port)]
        if taken:
            raise JaegerError(
                f"Jaeger needs port {', '.join(taken)}, which is taken: is another one running? Then do "
                f"without this one and set OTEL_EXPORTER_OTLP_ENDPOINT=http://{LOOPBACK}:{JaegerPorts.otlp_grpc}."
            )
        addresses = {f"JAEGER_{name.upper()}_ADDRESS": f"{LOOPBACK}:{port}" for name, port in ports.items()}
        self._process = await asyncio.create_subprocess_exec(
            *tied(signal.SIGKILL, str(program), "--config", str(_CONFIG)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **addresses},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while not await asyncio.to_thread(self._answers):
                    if self._process.returncode is not None:
                        raise JaegerError(f"{program} ended with status {self._process.returncode}.")
                    await asyncio.sleep(_POLL_S)
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise JaegerError(f"{program} did not answer within {_START_TIMEOUT_S:g} s.") from None
            raise

    async def wait(self) -> int:
        """Waits for its end; returns its exit status."""
        assert self._process is not None, "start() comes first"
        return await self._process.wait()

    async def stop(self) -> None:
        """Ends it; its traces are gone. Does nothing where it does not run."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://{LOOPBACK}:{self._ports.health}/status", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


async def beside_jaeger(
    options: StackOptions, run: Callable[[StackOptions], Awaitable[int]], console: Console
) -> int:
    """Runs a stack beside a Jaeger that gets its traces; returns the exit status."""
    jaeger = Jaeger(JaegerPorts.free() if options.ephemeral_ports else None)
    try:
        async with jaeger:
            console.print(f"Traces: Jaeger at {jaeger.url}.", highlight=False)
            return await run(replace(options, env={**options.env, **jaeger.environment}))
    except JaegerError as error:
        console.print(str(error), style="red", markup=False)
        return 1


async def _run() -> int:
    jaeger = Jaeger()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with jaeger:
            for line in (
                f"Jaeger {VERSION}: {jaeger.url}; OTLP on 4317 (gRPC) and 4318 (HTTP). Ctrl-C ends it.",
                "A stack's traces go there with OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 make up",
                "and are shown by `.venv/bin/amira trace ID`. Jaeger's own pages are in its image alone:",
                f"docker run --rm -p 16686:16686 -p 4317:4317 -p 4318:4318 jaegertracing/jaeger:{VERSION}",
            ):
                print_line(line)
            ended, stopped = asyncio.create_task(jaeger.wait()), asyncio.create_task(stop.wait())
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            return 0 if stopped.done() else 1
    except JaegerError as error:
        print_line(str(error))
        return 1


def print_line(line: str) -> None:
    """To people."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(_run()))
