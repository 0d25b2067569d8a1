"""Code of the pages in other languages than Python: run where it can be, or it says that nobody has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.conftest import Checkout
from tests.docs.pages import ROOT, Block, blocks, pages
from tests.support.spoken import clip

NO_CODE = {"", "console", "sh", "bash", "text", "mermaid", "python"}
"""Commands are held to what exists by test_commands.py, Python is run by test_python_blocks.py."""

TESTED_BY = {
    "docs/DEPLOYMENT.md": "tests/deploy/kubernetes/test_documentation.py",
    "clients/go/README.md": "tests/clients/test_go.py",
    "clients/javascript/README.md": "tests/clients/javascript/test_readme.py",
}

NOT_RUN = {"docs/CLIENTS.md": "**They have\nnot been compiled or run.**"}
"""Pages that say so themselves, in these words."""


def others() -> list[Block]:
    return [
        block for page in pages() for block in blocks(page) if block.language not in NO_CODE and not block.why
    ]


def test_code_in_other_languages_is_tested_or_says_that_it_is_not() -> None:
    for block in others():
        page = str(block.page.relative_to(ROOT))
        if block.language == "js" and page not in TESTED_BY:
            continue
        if page in NOT_RUN:
            assert NOT_RUN[page] in block.page.read_text(encoding="utf-8"), page
        else:
            assert (ROOT / TESTED_BY[page]).is_file(), page


@pytest.mark.parametrize(
    "block",
    [
        block
        for block in others()
        if block.language == "js" and str(block.page.relative_to(ROOT)) not in TESTED_BY
    ],
    ids=lambda block: block.name,
)
def test_javascript_runs(block: Block, checkout: Checkout, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    (tmp_path / "speech.raw").write_bytes(clip(4).tobytes())
    before = 'const pcm = require("node:fs").readFileSync("speech.raw");\n'
    program = tmp_path / "page.js"
    program.write_text(before + block.code.replace("127.0.0.1:50053", checkout.web))
    done = subprocess.run(
        [node, "--experimental-websocket", "--no-warnings", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "bad option" in done.stderr:
        pytest.skip("this Node has no WebSockets: 20.10 has them by an option, 22 by itself")
    assert done.returncode == 0, done.stderr
    assert "hearted" in done.stdout
    assert "ended: OK" in done.stdout
