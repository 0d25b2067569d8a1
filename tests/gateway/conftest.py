"""Real services for the tests with foreign clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.spoken import Spoken


@pytest.fixture(scope="session")
def spoken() -> Iterator[Spoken]:
    """A frontend and a decoder."""
    with Spoken().services() as running:
        yield running
