"""A real recognizer behind a real gateway, and an assistant that uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from amira.asr.v1 import speech_pb2_grpc
from amira_client import AmiraClient
from amira_core.rpc.server import RpcServer
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from demo.assistant.language.understanding import Understanding
from demo.assistant.server import AssistantServer
from tests.gateway.scripted import PATIENT
from tests.support.spoken import Spoken


@pytest.fixture(scope="session")
def understanding() -> Understanding:
    """The demo's own grammar."""
    return Understanding.of_file()


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    """A gateway's gRPC address."""
    with Spoken().services() as spoken:
        held = AsyncExitStack()
        try:
            yield spoken.run(_gateway(spoken, held))
        finally:
            spoken.run(held.aclose())


async def _gateway(spoken: Spoken, held: AsyncExitStack) -> str:
    services = Services(*spoken.targets, PATIENT)
    held.push_async_callback(services.close)
    speech = SpeechServicer(services, GatewaySettings(service_timeout_s=30, start_timeout_s=30))
    held.push_async_callback(speech.close)
    server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
    speech_pb2_grpc.add_SpeechServicer_to_server(speech, server.grpc)
    held.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{await server.start()}"


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
