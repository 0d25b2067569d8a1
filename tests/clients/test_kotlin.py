"""The Kotlin client."""

from __future__ import annotations

import pytest

from tests.clients.manners import Manners
from tests.clients.programs import CLIENTS, ClientContract, build, build_folder, need

pytestmark = pytest.mark.toolchain
SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""These programs end before better machine code for them would pay."""


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The command, compiled without a warning."""
    need("mvn", "javac")
    maven = ["mvn", "--quiet", "--batch-mode", "--no-transfer-progress", "package"]
    build(maven, CLIENTS / "kotlin", MAVEN_OPTS=" ".join(SHORT_LIVED))
    return ["java", *SHORT_LIVED, "-jar", str(build_folder("kotlin") / "transcribe.jar")]


class TestKotlin(ClientContract, Manners):
    """What holds for all languages."""
