"""A gateway with a Wyoming port, whose words are real."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from tests.support.spoken import Gateway, Spoken

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop, which Python 3.13 has not
    import wyoming.audio  # noqa: F401 - from now on it is imported

LISTEN = {"wyoming_listen": "127.0.0.1:0"}


@pytest.fixture(scope="package")
def gateway(spoken: Spoken) -> Iterator[Gateway]:
    """An open gateway in front of them."""
    with spoken.gateway(**LISTEN) as running:
        yield running
