"""Gateways whose words are real, for the tests with foreign clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.spoken import Gateway, Spoken


@pytest.fixture(scope="session")
def gateway(spoken: Spoken) -> Iterator[Gateway]:
    """An open gateway in front of them."""
    with spoken.gateway(web_max_file_bytes=400_000) as running:
        yield running
