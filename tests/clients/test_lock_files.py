"""npm's lock files say what is installed, and leave from where to whoever installs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = ("clients/javascript", "clients/node", "scripts/stubs/typescript", "tests/gateway/web/page/axe")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_registry_is_named_and_all_is_pinned_by_hash(folder: str) -> None:
    lock = json.loads(Path(ROOT, folder, "package-lock.json").read_text())
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert locked
    assert not [name for name, entry in locked.items() if "resolved" in entry]
    assert not [name for name in locked if not locked[name].get("integrity", "").startswith("sha512-")]
