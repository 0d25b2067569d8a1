"""The C++ client."""

from __future__ import annotations

import subprocess

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import (
    CLIENTS,
    ClientContract,
    Server,
    build,
    build_folder,
    complaint_of,
    need,
)

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, compiled without a warning."""
    need("cmake", "g++", "pkg-config", "protoc", "grpc_cpp_plugin")
    if subprocess.run(["pkg-config", "--exists", "grpc++", "protobuf"], check=False).returncode:  # noqa: S607
        pytest.skip("not installed: libgrpc++-dev, libprotobuf-dev")
    folder, flags = build_folder("cpp"), "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror"
    build(["cmake", "-S", str(CLIENTS / "cpp"), "-B", ".", flags], folder)
    build(["cmake", "--build", ".", "-j1"], folder)
    return [str(folder / "transcribe")]


class TestCpp(ClientContract, Manners):
    """What holds for all languages."""


@pytest.mark.parametrize("end", ["\n", " ", "ü"])
def test_a_key_that_cannot_be_one_does_not_abort_the_program(
    program: list[str], server: Server, end: str
) -> None:
    complaint = complaint_of([*program, server.address, str(server.wav)], key=server.key + end)
    assert complaint == "AMIRA_API_KEY holds a space, a newline or another character that no key has\n"
