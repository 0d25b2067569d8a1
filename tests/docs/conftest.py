"""One gateway for all code of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.spoken import Gateway, Spoken


@pytest.fixture(scope="package")
def gateway() -> Iterator[Gateway]:
    """A gateway with every protocol, and a frontend and a decoder that hear."""
    with Spoken().services() as services, services.gateway() as running:
        yield running
