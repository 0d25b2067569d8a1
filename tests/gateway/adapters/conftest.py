"""One gateway for all tests of foreign protocols."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amira_gateway.access.identity import Scope
from tests.gateway.access.door import add_key
from tests.gateway.adapters.foreign import Foreign, serving_foreign


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of keys with one key in it."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    add_key(path, "nobody")
    return path


@pytest.fixture(scope="package")
def foreign(keys_file: Path) -> Iterator[Foreign]:
    """The gateway, with real speech recognition behind it."""
    with serving_foreign(keys_file) as running:
        yield running


@pytest.fixture(scope="package")
def key(foreign: Foreign) -> str:
    """A key that may recognize."""
    return add_key(foreign.keys_file, "acme", Scope.RECOGNIZE)
