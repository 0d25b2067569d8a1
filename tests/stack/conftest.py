"""One whole stack (real Triton, k2 where it is installed) for all tests of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from amira_client import AmiraClient
from amira_local.options import StackOptions
from tests.stack.raw import Answer, config, innocent_requests, speech_stub, talk
from tests.support.stack import StackThread


@pytest.fixture(scope="package")
def running() -> Iterator[StackThread]:
    """A running stack; services that a test kills are restarted."""
    with StackThread(StackOptions(ephemeral_ports=True)) as stack:
        yield stack


@pytest.fixture(autouse=True)
async def _healed(request: pytest.FixtureRequest) -> None:
    """Before each test: what one before it, or a machine that stood still, has broken is whole again."""
    if "running" not in request.fixturenames:
        return
    running: StackThread = request.getfixturevalue("running")
    async with asyncio.timeout(180), speech_stub(running.stack.gateway_target) as stub:
        while (await talk(stub, [config()])).outcome != "OK":  # noqa: ASYNC110 - asked over the network
            await asyncio.sleep(0.1)


@pytest.fixture
async def client(running: StackThread) -> AsyncIterator[AmiraClient]:
    """A client of the stack."""
    async with AmiraClient(running.stack.gateway_target) as amira:
        yield amira


@pytest.fixture(scope="package")
def undisturbed(running: StackThread) -> Answer:
    """What an innocent stream hears when it is alone."""

    async def alone() -> Answer:
        async with speech_stub(running.stack.gateway_target) as stub:
            return await talk(stub, innocent_requests())

    return asyncio.run(alone())
