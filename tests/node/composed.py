"""The three services in the test's process: called over sockets, or as in a node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from amira_client import AmiraClient
from amira_core.rpc.channel import open_channel
from amira_core.rpc.health import is_serving
from amira_core.rpc.server import cancel_and_wait
from amira_decoder.service import DecoderService
from amira_decoder.settings import DecoderSettings
from amira_frontend.service import FrontendService
from amira_frontend.settings import FrontendSettings
from amira_gateway.service import GatewayService
from amira_gateway.settings import GatewaySettings
from amira_local.ports import free_ports
from amira_node.settings import DECODER, FRONTEND


@asynccontextmanager
async def composed(
    model_dir: Path, *, in_process: bool, max_streams: int = 64, frontend_streams: int = 64
) -> AsyncIterator[AmiraClient]:
    """A client of the gateway, once it is ready."""
    ports = [f"127.0.0.1:{port}" for port in free_ports(3)]
    frontend_at, decoder_at = (FRONTEND, DECODER) if in_process else ports[1:]
    decoder = DecoderSettings(
        listen=decoder_at,
        model_dir=model_dir,
        encoder="in_process",
        in_process_engine="onnxruntime",
        in_process_threads=1,
        search="greedy",
        target_load=0,
    )
    # A busy machine must look neither like too many streams nor like services that hang.
    gateway = GatewaySettings(
        listen=ports[0],
        frontend_target=frontend_at,
        decoder_target=decoder_at,
        max_streams=max_streams,
        max_loop_lag_ms=0,
        service_timeout_s=60,
        start_timeout_s=60,
    )
    async with AsyncExitStack() as stack:
        decoding = await stack.enter_async_context(DecoderService(decoder))
        extracting = FrontendSettings(listen=frontend_at, max_streams=frontend_streams)
        await stack.enter_async_context(FrontendService(extracting))
        serving = await stack.enter_async_context(GatewayService(gateway))
        background = [asyncio.create_task(each) for each in (*serving.background(), *decoding.background())]
        stack.push_async_callback(cancel_and_wait, background)
        client = await stack.enter_async_context(AmiraClient(ports[0], resume=False))
        channel = await stack.enter_async_context(open_channel(ports[0]))
        async with asyncio.timeout(280):
            while not await is_serving(channel):  # noqa: ASYNC110 - asked over the network
                await asyncio.sleep(0.05)
        yield client
