"""One server for all that the pages say: `make up` in a clean folder."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.support.up import SMALL, running_up


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
    with running_up([*shlex.split(up_command()), *SMALL], folder) as up:
        yield Checkout(folder, up.grpc, up.web, {"make up": time.monotonic() - started_at})


def up_command() -> str:
    """What `make up` runs once everything is installed."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--old-file=setup", "up"],  # noqa: S607 - whichever make there is
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]
