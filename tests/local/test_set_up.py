"""The set-up: every dependency is pinned, and `make` explains itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {normal(name): version for name, version in pairs}


def required() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    every = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    names = {normal(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in every}  # type: ignore[index]
    return names - {normal(project["name"])}


def test_every_dependency_is_pinned() -> None:
    assert sorted(required() - set(pins())) == []


def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = pins()
    installed = {normal(item.name): item.version for item in metadata.distributions()}
    wrong = {
        name: (installed[name], pinned[name])
        for name in required() & set(pinned)
        if name in installed and installed[name] != pinned[name]
    }
    assert wrong == {}


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    if program is None:
        pytest.skip("make is not installed")
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_make_help_lists_every_task() -> None:
    shown = set(re.findall(r"^  make ([\w-]+)", make("help").stdout, re.M))
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY"))
    assert shown == set(phony.split()[1:])


@pytest.mark.parametrize("python", ["no-such-python", "false"])
def test_a_missing_python_is_explained(tmp_path: Path, python: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    done = make("test", f"PYTHON={python}", folder=tmp_path)
    assert done.returncode != 0
    assert "Python 3.11" in done.stdout
    assert "PYTHON=/path/to/python3.11" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_ci_passes_the_status_on_and_ends_what_was_started(tmp_path: Path) -> None:
    (tmp_path / "make").write_text('#!/bin/sh\nsleep 300 &\necho "made $@: $!"\nexit 3\n')
    (tmp_path / "apt-get").write_text("#!/bin/sh\nexit 1\n")  # whatever is missing: nothing is installed
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / ".ci" / "run"], env=env, stdout=subprocess.PIPE, text=True, check=False, timeout=120
    )
    made = dict(line[5:].split(": ") for line in done.stdout.splitlines() if line.startswith("made "))
    assert (done.returncode, list(made)) == (3, ["jaeger-build", "lint test"])
    for server in made.values():
        with pytest.raises(ProcessLookupError):
            wait_for_the_end_of(int(server))


def wait_for_the_end_of(pid: int) -> None:
    """Raises ProcessLookupError once the process is gone; returns if it stays."""
    for _ in range(1200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            raise ProcessLookupError from None
        if state == "Z":
            raise ProcessLookupError
        time.sleep(0.05)
