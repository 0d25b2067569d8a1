"""The commands of docs/DEPLOYMENT.md: run where they can be, else held to what they name."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "DEPLOYMENT.md"
OF_CLOUDS = ("aws ", "cd ", "eval ", "for ", "done", "registry=", "terraform ")
"""They need an account: tests/deploy/cloud looks into the files."""


def commands(*sections: str) -> list[str]:
    """Lines of the code blocks below these headings, continued lines joined."""
    found = []
    for part in re.split(r"^## ", GUIDE.read_text(), flags=re.MULTILINE)[1:]:
        if part.splitlines()[0] in sections:
            blocks = re.findall(r"^```\n(.*?)^```", part, flags=re.MULTILINE | re.DOTALL)
            found += [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]
    assert found, sections
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def check_make(words: list[str]) -> None:
    """Make knows the word; what it would do is not done."""
    assert run("make", "-n", *words[1:]).returncode == 0


def check_amira(words: list[str]) -> None:
    """The command has these options, and files of the repository are there."""
    said = run(str(Path(sys.executable).parent / "amira"), words[1], "--help").stdout
    for word in words[2:]:
        if word.startswith("--"):
            assert word in said, word
        elif "/" in word:
            assert (ROOT / word).exists(), word


def check_build(words: list[str]) -> None:
    """The Dockerfile is there, and is built from the root."""
    assert (ROOT / words[words.index("-f") + 1]).is_file()
    assert words[-1] == "."


def check_compose(words: list[str]) -> None:
    """Docker takes these files together: what it does with them then needs an engine."""
    docker = shutil.which("docker")
    if docker is None or run(docker, "compose", "version").returncode:
        pytest.skip("docker compose is not installed")
    verbs = [at for at, word in enumerate(words) if word in ("up", "down", "run", "config")]
    verb = words[verbs[0]]
    options = [word for word in words[verbs[0] :] if word.startswith("--")]
    known = run(docker, "compose", verb, "--help").stdout
    assert all(option in known for option in options), options
    done = run(docker, *words[1 : verbs[0]], "--profile", "*", "config", "--quiet")
    assert done.returncode == 0, done.stderr


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": check_make,
    ".venv/bin/amira": check_amira,
    "docker build": check_build,
    "docker compose": check_compose,
}


@pytest.mark.parametrize("command", commands("A laptop", "Images", "Compose", "Envoy"))
def test_it_works_as_it_stands(command: str) -> None:
    words = shlex.split(command)
    (check,) = [check for start, check in CHECKS.items() if command.startswith(f"{start} ")]
    check(words)


def test_clouds_are_told_by_name_alone() -> None:
    for command in commands("Clouds"):
        assert command.strip().startswith((*OF_CLOUDS, "docker build ")), command
        for path in re.findall(r"(deploy/[\w./$-]+)", command):
            assert (ROOT / path.replace("$service", "gateway")).exists(), path
    assert "-var 'admin_cidrs=" in "".join(commands("Clouds"))


def test_each_variable_and_address_that_it_names_is_real() -> None:
    configuration = (ROOT / "docs" / "CONFIGURATION.md").read_text()
    for name in set(re.findall(r"`(AMIRA_[A-Z]+_[A-Z_]+[A-Z])", GUIDE.read_text())):
        common = re.sub(r"^AMIRA_(GATEWAY|FRONTEND|DECODER|TRITON)_", "AMIRA_<SERVICE>_", name)
        assert f"`{name}`" in configuration or f"`{common}`" in configuration, name
