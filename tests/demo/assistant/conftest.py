"""A real recognizer behind a real gateway, and an assistant that uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from amira_client import AmiraClient
from demo.assistant.language.understanding import Understanding
from demo.assistant.server import AssistantServer
from tests.support.spoken import Spoken


@pytest.fixture(scope="session")
def understanding() -> Understanding:
    """The demo's own grammar."""
    return Understanding.of_file()


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    """A gateway's gRPC address."""
    with Spoken().services() as spoken, spoken.gateway() as gateway:
        yield f"127.0.0.1:{gateway.grpc_port}"


@pytest.fixture
async def client(target: str) -> AsyncIterator[AmiraClient]:
    """As a program of a user would have it."""
    async with AmiraClient(target) as client:
        yield client


@pytest.fixture
async def assistant(client: AmiraClient, understanding: Understanding) -> AsyncIterator[AssistantServer]:
    """One that runs."""
    async with AssistantServer(client, understanding) as server:
        yield server
