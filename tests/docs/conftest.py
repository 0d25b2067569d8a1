"""One server for all that the pages say: `make up` in a clean folder."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SERVER = "--port 0 --ephemeral-ports --encoder in-process --nodes 1"
"""What `make up` is given here: free ports, and no Triton, which tests/stack and tests/local start."""


@dataclass(frozen=True)
class Checkout:
    """A folder as `git clone` and `make setup` leave it, and the server that runs in it."""

    folder: Path
    grpc: str
    web: str
    took_s: dict[str, float]
    """How long each step of the quick start took."""


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """`make up` in a folder that has nothing but what the page's commands name."""
    folder = tmp_path_factory.mktemp("amira")
    for name in ("demo", "models", "Makefile"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    started_at = time.monotonic()
    with subprocess.Popen(
        [*shlex.split(up_command()), *SERVER.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            said = until_it_listens(server)
            took_s = {"make up": time.monotonic() - started_at}
            grpc = re.findall(r"Amira listens on (\S+):(\d+):", said)[0]
            web = re.findall(r"in a browser: http://(\S+?)/", said)[0]
            yield Checkout(folder, ":".join(grpc), web, took_s)
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=60)
            assert "all services have stopped" in said
        finally:
            server.kill()


def until_it_listens(server: subprocess.Popen[str]) -> str:
    """What the server says until it has named its addresses."""
    assert server.stdout is not None
    said = ""
    for line in server.stdout:
        said += line
        if "in a browser" in line:
            return said
    raise AssertionError(said)


def up_command() -> str:
    """What `make up` runs once everything is installed."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--old-file=setup", "up"],  # noqa: S607 - whichever make there is
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]
