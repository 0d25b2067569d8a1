"""The Node client."""

from __future__ import annotations

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import CLIENTS, ClientContract, build, need

pytestmark = pytest.mark.toolchain
FOLDER = CLIENTS / "node"


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, with what it needs beside it, where Node looks for it."""
    need("node", "npm")
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        build(["npm", "ci"], FOLDER)
    return ["node", str(FOLDER / "transcribe.js")]


class TestNode(ClientContract, Manners):
    """What holds for all languages."""


def test_the_code_is_formatted(program: list[str]) -> None:
    build(["npm", "run", "lint"], FOLDER)
