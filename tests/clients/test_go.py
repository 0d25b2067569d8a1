"""The Go client."""

from __future__ import annotations

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import CLIENTS, ClientContract, build, build_folder, need

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, compiled. Go itself knows what has changed."""
    need("go")
    compiled = build_folder("go") / "transcribe"
    build(["go", "build", "-o", str(compiled), "./transcribe"], CLIENTS / "go", GOMAXPROCS="1")
    return [str(compiled)]


class TestGo(ClientContract, Manners):
    """What holds for all languages."""


def test_the_code_is_formatted_and_vetted(program: list[str]) -> None:
    build(["sh", "-c", 'test -z "$(gofmt -l transcribe)"'], CLIENTS / "go")
    build(["go", "vet", "./..."], CLIENTS / "go", GOMAXPROCS="1")
