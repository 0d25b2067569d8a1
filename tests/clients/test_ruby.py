"""The Ruby client."""

from __future__ import annotations

import subprocess

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import CLIENTS, ClientContract, build, build_folder, need

pytestmark = pytest.mark.toolchain
FOLDER = CLIENTS / "ruby"


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, with its stubs generated."""
    need("ruby", "grpc_tools_ruby_protoc")
    if subprocess.run(["ruby", "-e", "require 'grpc'"], check=False, capture_output=True).returncode:  # noqa: S607
        pytest.skip("not installed: the grpc gem")
    build_folder("ruby")
    build(["sh", "generate.sh"], FOLDER)
    return ["ruby", "-w", str(FOLDER / "transcribe.rb")]


class TestRuby(ClientContract, Manners):
    """What holds for all languages."""


def test_the_code_is_formatted() -> None:
    need("rubocop")
    build(["rubocop", "--cache", "false"], FOLDER)
