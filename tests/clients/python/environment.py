"""The project's wheels, and environments with nothing in them but what is installed there."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def need_index() -> None:
    """Skips the test, saying so, where no package index can be reached."""
    asked = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed"),
        *("--retries=1", "--timeout=10", "hatchling"),
    ]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached")


def build_wheels(folder: Path, *projects: Path) -> list[Path]:
    """A wheel of each project, as a release builds them."""
    run(sys.executable, *_PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, *projects)
    return sorted(folder.glob("*.whl"))


@dataclass(frozen=True)
class Environment:
    """A folder with a Python of its own."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Environment:
        """An empty one: not even pip."""
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        return cls(folder)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *arguments: str | Path) -> None:
        """As pip does."""
        # Not compiled: that takes longer than all the rest.
        run(sys.executable, *_PIP, "--python", self.python, "install", "--no-compile", *arguments)

    def packages(self) -> dict[str, str]:
        """Names and versions of what is installed."""
        listed = run(
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python, "list",
            "--format=json",
        )  # fmt: skip
        return {package["name"]: package["version"] for package in json.loads(listed)}

    def run(self, program: str | Path, *arguments: str, cwd: Path) -> str:
        """What one of its programs, or a Python program, writes to stdout; it must succeed."""
        command = [self.folder / "bin" / program] if isinstance(program, str) else [self.python, program]
        return run(*command, *arguments, cwd=cwd)


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Its stdout; what it wrote is the message of its failure."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AMIRA_"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def with_requirements(folder: Path, requirements: Path) -> Environment:
    """An environment that is kept for the next time, until the requirements change."""
    stamp = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    environment = Environment(folder)
    if not stamp.exists() or stamp.read_text() != wanted:
        run(sys.executable, "-m", "venv", "--clear", "--without-pip", folder)
        environment.install("--requirement", requirements)
        stamp.write_text(wanted)
    return environment


def with_frameworks(build_folder: Path, wheels: Path) -> Environment:
    """LiveKit Agents and Pipecat as they are published, and the client's wheel of now (built in `wheels`)."""
    need_index()
    environment = with_requirements(
        build_folder / "frameworks", ROOT / "requirements" / "voice-frameworks.txt"
    )
    (wheel,) = build_wheels(wheels, ROOT / "clients" / "python")
    environment.install(wheel)  # with what it needs
    environment.install("--force-reinstall", "--no-deps", wheel)  # an older one has the same version
    return environment
