"""One Triton for all tests that leave it as they found it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from amira_decoder.encoder.triton import TritonEncoder
from tests.support.triton import TritonProcess

SLOTS = 8


@pytest.fixture(scope="package")
def triton(model_dir: Path) -> Iterator[TritonProcess]:
    """A Triton with the bundled model. Tests that break it wait until it is healed."""
    process = TritonProcess.start(model_dir, slots=SLOTS)
    yield process
    process.stop()


@pytest.fixture
async def encoder(triton: TritonProcess) -> AsyncIterator[TritonEncoder]:
    """A connected client of it."""
    client = TritonEncoder(triton.target, timeout_ms=60_000)
    await client.connect()
    yield client
    await client.close()
