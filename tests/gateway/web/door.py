"""A gateway's web port in front of scripted services, and WebSockets to it."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from amira_gateway.access import Door
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import WebServer
from tests.gateway.scripted import Stack, running

CONFIG = {"config": {"encoding": "AUDIO_ENCODING_LINEAR16", "sampleRateHz": 16000}}
END = {"control": {"endOfAudio": {}}}
SECOND = bytes(32_000)


@dataclass
class Web:
    """The port, the services behind it, and a client session."""

    stack: Stack
    port: int
    http: aiohttp.ClientSession
    ready: bool = True

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def connect(self, protocols: Sequence[str] = (), **headers: str) -> aiohttp.ClientWebSocketResponse:
        return await self.http.ws_connect(self.url("/v1/stream"), protocols=protocols, headers=headers)


@asynccontextmanager
async def serving(replicas: int = 1, **settings: Any) -> AsyncIterator[Web]:
    """A stack with a web port; `settings` are the gateway's, `send_buffer_bytes` is of its connections."""
    send_buffer_bytes = settings.pop("send_buffer_bytes", None)
    access = {name: settings.pop(name) for name in ("api_keys_file",) if name in settings}
    web_settings = {"web_listen": "127.0.0.1:0"} | {
        name: settings.pop(name) for name in ("web_origins", "tls_cert", "tls_key", "tls_client_ca")
        if name in settings
    }  # fmt: skip
    async with running(replicas, **settings) as stack, aiohttp.ClientSession() as http:
        all_settings = GatewaySettings(**web_settings, **access, **settings)
        web = Web(stack, 0, http)
        server = WebServer(all_settings, Door.of(all_settings), stack.gateway, lambda: web.ready)
        web.port = await server.start()
        if send_buffer_bytes is not None:
            for site in server._runner.sites:
                for listening in site._server.sockets:  # type: ignore[attr-defined]  # connections are as it is
                    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        try:
            yield web
        finally:
            await server.stop()


async def answers(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """All text messages until the server closes."""
    return [json.loads(message.data) async for message in socket]
