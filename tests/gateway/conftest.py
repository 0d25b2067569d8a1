"""A clock for servers in the process of their tests; real services for the tests with foreign clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.spoken import Spoken
from tests.support.steady_clock import steady_clock


@pytest.fixture(scope="module", autouse=True)
def _steady_clock() -> Iterator[None]:
    """A machine that stands still must not look like clients or services that do."""
    with steady_clock():
        yield


@pytest.fixture(scope="session")
def spoken() -> Iterator[Spoken]:
    """A frontend and a decoder."""
    with Spoken().services() as running:
        yield running
