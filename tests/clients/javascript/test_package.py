"""The package by itself: its own tests and lint, and what npm would publish."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.programs import build

pytestmark = pytest.mark.toolchain


def test_its_own_tests_pass(package: Path) -> None:
    build(["npm", "test"], package)


def test_it_is_formatted_and_checked(package: Path) -> None:
    build(["npm", "run", "lint"], package)


def test_what_is_published_holds_both_entries_with_their_types(package: Path) -> None:
    listed = subprocess.run(
        [_program("npm"), "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=package, capture_output=True, text=True, check=True,
    )  # fmt: skip
    [described] = json.loads(listed.stdout)
    files = {file["path"] for file in described["files"]}
    exported = json.loads((package / "package.json").read_text())["exports"]
    named = {path.removeprefix("./") for path in _paths(exported)}
    assert named <= files
    assert not any(path.startswith(("test/", "node_modules/")) for path in files)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None  # the package was built with it
    return found


def _paths(exported: object) -> list[str]:
    if isinstance(exported, str):
        return [exported]
    assert isinstance(exported, dict)
    return [path for value in exported.values() for path in _paths(value)]
