"""Every Python block of every page is run, against a real server, or says above it why it is not."""

from __future__ import annotations

import ast
import gc
import importlib.util
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.conftest import Checkout
from tests.docs.pages import ROOT, Block, blocks, pages
from tests.support.spoken import clip_file

RUN_ELSEWHERE = {"clients/python/README.md": "tests/clients/test_python_readme.py"}
"""Pages whose blocks have a test of their own."""

HEARD = "hearted"
"""What every recording has in it."""


def python_blocks() -> list[Block]:
    """Blocks to be run: `not run` is for what nobody here can."""
    return [
        block
        for page in pages()
        if str(page.relative_to(ROOT)) not in RUN_ELSEWHERE
        for block in blocks(page)
        if block.language == "python" and not block.why
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with what the blocks name: recordings, and the repository's `demo`."""
    folder = tmp_path_factory.mktemp("desk")
    for suffix in ("wav", "flac"):
        clip_file(folder, suffix).rename(folder / f"recording.{suffix}")
    (folder / "demo").symlink_to(ROOT / "demo")
    yield folder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # short examples leave connections open, which must not be found during another test


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning",  # short examples leave files open
    "ignore::pytest.PytestUnraisableExceptionWarning",  # as pytest calls the same
    "ignore:websockets:DeprecationWarning",  # Deepgram's package asks for old names
)
@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.name)
def test_it_runs(
    block: Block,
    checkout: Checkout,
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in re.findall(r"^(?:import|from) ([\w.]+)", block.code, re.MULTILINE):
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            pytest.skip(f"{module} is not installed")
    code = block.code.replace("127.0.0.1:50051", checkout.grpc).replace("127.0.0.1:50053", checkout.web)
    monkeypatch.chdir(desk)
    exec(compile(code, block.name, "exec"), {"__name__": "__main__", "KEY": "none is needed"})  # noqa: S102 - our own
    said = capsys.readouterr().out
    if "print" in block.code:
        assert said.strip()
    if re.search(r"print.*(?:text|transcript)\b", block.code):
        assert HEARD in said


def test_what_is_not_run_is_python_and_says_why() -> None:
    left_out = [block for page in pages() for block in blocks(page) if block.why]
    assert left_out
    for block in left_out:
        assert len(block.why) > 10, block.name
        if block.language == "python":
            compile(block.code, block.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_what_runs_pages_elsewhere_exists() -> None:
    assert all((ROOT / test).is_file() for test in RUN_ELSEWHERE.values())
