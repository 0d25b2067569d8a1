"""The Rust client."""

from __future__ import annotations

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import CLIENTS, ClientContract, build, build_folder, need

pytestmark = pytest.mark.toolchain
FOLDER = CLIENTS / "rust"


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, compiled with the locked versions. Cargo itself knows what has changed."""
    need("cargo")
    build(["cargo", "build", "--locked", "--quiet"], FOLDER, CARGO_BUILD_JOBS="1")
    return [str(build_folder("rust") / "debug" / "transcribe")]


class TestRust(ClientContract, Manners):
    """What holds for all languages."""


def test_the_code_is_formatted() -> None:
    need("cargo-fmt")
    build(["cargo", "fmt", "--check"], FOLDER)
