"""Gateways as programs, ended by signals while the library streams."""

from __future__ import annotations

import asyncio
import signal

import pytest

from amira_client import AmiraClient
from amira_local.ports import free_ports
from tests.gateway.resume.fleet import PCM, converse, said
from tests.gateway.resume.test_client_goes_on import TALK
from tests.gateway.scripted import running
from tests.gateway.test_process import gateway


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_one_of_two_gateways_ends(number: signal.Signals) -> None:
    async with running(replicas=2) as stack:
        for server in (*stack.frontend_servers, *stack.decoder_servers):
            await server.set_ready(True)
        targets = {
            "frontend_target": ",".join(replica.target for replica in stack.services.frontends.replicas),
            "decoder_target": ",".join(replica.target for replica in stack.services.decoders.replicas),
        }
        ports = free_ports(2)
        async with (
            gateway(ports[0], drain_timeout_s=600, **targets) as first,
            gateway(ports[1], **targets),
            AmiraClient([f"127.0.0.1:{port}" for port in ports]) as client,
        ):
            for port in ports:
                await listening(port)

            async def end_it(request: int) -> None:
                if request == 25:
                    first.send_signal(number)
                    async with asyncio.timeout(60):  # a drain that waited would take longer
                        await first.wait()

            responses = await converse(client, TALK, PCM, end_it)
            assert first.returncode == (0 if number is signal.SIGTERM else -number)
        async with AmiraClient(f"127.0.0.1:{stack.port}", resume=False) as undisturbed:
            assert said(responses) == said(await converse(undisturbed, TALK, PCM))


async def listening(port: int) -> None:
    async with asyncio.timeout(90):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
