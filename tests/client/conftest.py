"""A scripted server and a client that is connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from amira_client import AmiraClient
from tests.support.speech_server import ScriptedSpeech


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSpeech]:
    """Counts bytes unless a test gives it another script."""
    async with ScriptedSpeech() as scripted:
        yield scripted


@pytest.fixture
async def client(server: ScriptedSpeech) -> AsyncIterator[AmiraClient]:
    """A client of `server`."""
    async with AmiraClient(server.target) as connected:
        yield connected
