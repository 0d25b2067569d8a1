"""What all tests share: real speech, the bundled model, a clean environment."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from tests.support.steady_clock import steady_clock

# The default prints all variables of every frame, which takes seconds where they hold audio.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime by themselves
os.environ.pop(
    "PYTHONDONTWRITEBYTECODE", None
)  # each of the programs started here would compile all it imports

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
SPEECH = Path(os.environ.get("AMIRA_TEST_SPEECH", ROOT.parent / "shared" / "speech"))
MODEL = ROOT / "models" / "starter-en"

PLACES_ALONE_DECIDE = ("AMIRA_DECODER_TARGET_LOAD", "AMIRA_GATEWAY_MAX_LOOP_LAG_MS")
for _name in PLACES_ALONE_DECIDE:
    os.environ[_name] = "0"
"""Whether a test's streams are taken in must not depend on how busy the machine is (tests of that set it)."""

IN_ONE_PROCESS = ("client", "core", "frontend", "gateway")
"""Folders whose servers are for the most part in the process of their tests."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole files or folders to each process (sharing.py)."""
    from tests.support.sharing import ByUnit  # needs pytest-xdist, which whoever runs one file need not have

    return ByUnit(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Compilers only where asked for; where several processes share the tests, the longest begin first."""
    skipped = pytest.mark.skip(reason="compiles clients: set AMIRA_TEST_TOOLCHAINS=1 to run it")
    for item in items:
        if item.get_closest_marker("toolchain") is not None:
            item.add_marker(pytest.mark.timeout(900))  # the first build of a fresh clone fetches and compiles
            if os.environ.get("AMIRA_TEST_TOOLCHAINS") != "1":
                item.add_marker(skipped)
    if hasattr(config, "workerinput"):
        from tests.support.sharing import place_in_line

        items.sort(key=lambda item: place_in_line(item.nodeid))


@dataclass(frozen=True)
class Utterance:
    """One recording with its reference text (lower case, letters and apostrophes)."""

    path: Path
    text: str
    seconds: float
    source: str


@pytest.fixture(scope="module", autouse=True)
def _steady_clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """A machine that stands still must not look like a client or a service that does."""
    if request.path.relative_to(ROOT / "tests").parts[0] in IN_ONE_PROCESS:
        with steady_clock():
            yield
    else:
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the developer's shell must not reach the tests."""
    for name in list(os.environ):
        kept = name.startswith("AMIRA_TEST_") or name in PLACES_ALONE_DECIDE
        if name.startswith(("AMIRA_", "OTEL_")) and not kept:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The bundled starter model."""
    return MODEL


@pytest.fixture(scope="session")
def speech() -> list[Utterance]:
    """The dev recordings (real speech, 16 kHz FLAC); skips where they are not at hand."""
    manifest = SPEECH / "manifest.tsv"
    if not manifest.exists():
        pytest.skip(f"no speech at {SPEECH}: set AMIRA_TEST_SPEECH to a folder with manifest.tsv")
    with manifest.open() as rows:
        return [
            Utterance(SPEECH / row["path"], row["text"], float(row["seconds"]), row["source"])
            for row in csv.DictReader(rows, delimiter="\t")
            if row["split"] == "dev"
        ]
