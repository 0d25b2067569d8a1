"""The Java client."""

from __future__ import annotations

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import CLIENTS, ClientContract, build, build_folder, need

pytestmark = pytest.mark.toolchain
FOLDER = CLIENTS / "java"
SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""These programs end before better machine code for them would pay."""


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, compiled without a warning. Maven itself knows what has changed."""
    need("mvn", "javac")
    maven("package")
    return ["java", *SHORT_LIVED, "-jar", str(build_folder("java") / "transcribe.jar")]


def maven(goal: str) -> None:
    """Runs a goal."""
    build(
        ["mvn", "--quiet", "--batch-mode", "--no-transfer-progress", goal],
        FOLDER,
        MAVEN_OPTS=" ".join(SHORT_LIVED),
    )


class TestJava(ClientContract, Manners):
    """What holds for all languages."""


def test_the_code_is_formatted(program: list[str]) -> None:
    maven("spotless:check")
