"""`amira up` as a process of its own, told where it listens by what it says."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SMALL = ("--port", "0", "--ephemeral-ports", "--encoder", "in-process", "--nodes", "1")
"""Free ports, and no Triton, which tests/stack and tests/local start."""


@dataclass(frozen=True)
class Up:
    """Its two addresses, HOST:PORT."""

    grpc: str
    web: str


@contextmanager
def running_up(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Up]:
    """The server that `command` starts in `folder`, once it listens; it must end by Ctrl-C as it should."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            said = _until_it_listens(server)
            grpc = re.findall(r"Amira listens on (\S+:\d+):", said)[0]
            web = re.findall(r"in a browser: http://(\S+?)/", said)[0]
            yield Up(grpc, web)
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=60)
            assert "all services have stopped" in said
        finally:
            server.kill()


def _until_it_listens(server: subprocess.Popen[str]) -> str:
    """What the server says until it has named its addresses."""
    assert server.stdout is not None
    said = ""
    for line in server.stdout:
        said += line
        if "in a browser" in line:
            return said
    raise AssertionError(said)
