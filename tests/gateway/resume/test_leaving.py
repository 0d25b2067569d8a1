"""Streams that are closed or cancelled at any moment, whatever goes on: no task and no session is left."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from amira_client import AmiraClient, AmiraClientError
from tests.gateway.resume.fleet import PCM, Gateway, fleet
from tests.gateway.scripted import until


async def trouble(gateways: list[Gateway], chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.random() * 0.05)
        for gateway in gateways:
            if chance.random() < 0.5:
                gateway.proxy.cut()


async def speak(client: AmiraClient, chance: random.Random) -> None:
    async with client.stream(PCM) as stream:

        async def send() -> None:
            for _ in range(chance.randrange(60)):
                await stream.send(bytes(chance.randrange(1, 3_200) * 2))
                if chance.random() < 0.2:
                    await stream.flush()
                await asyncio.sleep(0)
            if chance.random() < 0.5:
                await stream.end()

        sending = asyncio.create_task(send())
        try:
            for _ in range(chance.randrange(20)):
                if await anext(stream, None) is None:
                    break
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_left(seed: int) -> None:
    chance = random.Random(seed)
    async with fleet(resume_window_s=1) as net:
        troubling = asyncio.create_task(trouble(net.gateways, chance))

        async def one() -> Any:
            async with AmiraClient(net.target) as client:
                speaking = asyncio.create_task(speak(client, chance))
                await asyncio.wait([speaking], timeout=chance.random() * 0.8)
                speaking.cancel()
                return await asyncio.gather(speaking, return_exceptions=True)

        for _ in range(3):
            for (outcome,) in await asyncio.gather(*(one() for _ in range(8))):
                assert outcome is None or isinstance(outcome, AmiraClientError | asyncio.CancelledError)
        troubling.cancel()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("amira-")]
        await net.freed()
        await until(lambda: not any(gateway.servicer.sessions.detached for gateway in net.gateways))
        names = [task.get_name() for task in asyncio.all_tasks()]
        assert not [name for name in names if name.startswith(("session ", "expiry of "))]
