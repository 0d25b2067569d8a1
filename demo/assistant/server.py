"""The page, and the WebSocket of its conversation: a small HTTP server for this machine."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

import amira_gateway.web.page
from amira_client import AmiraClient
from demo.assistant import messages
from demo.assistant.conversation import Conversation
from demo.assistant.intents.house import House
from demo.assistant.language.understanding import Understanding
from demo.assistant.voice import Voice
from demo.assistant.wake import WakePhrase

_OWN = Path(__file__).resolve().parent / "static"
_SHARED = Path(amira_gateway.web.page.__file__).resolve().parent / "static"
"""The live transcription page: its colours, its controls, its microphone's worklet."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_MOST_BYTES = 256 * 1024
_HEARTBEAT_S = 20.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AssistantServer:
    """``async with AssistantServer(...) as server: server.url``."""

    def __init__(
        self,
        client: AmiraClient,
        understanding: Understanding,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        wake: WakePhrase | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.house = House()
        self.url = ""
        self._client = client
        self._understanding = understanding
        self._voice = Voice()
        self._wake = wake or WakePhrase()
        self._host = host
        self._port = port
        self._tls = tls
        self._open: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Raises OSError where the port cannot be had."""
        await self._voice.load()
        app = web.Application(middlewares=[self._only_to_own_pages])
        app.router.add_get("/", self._index)
        app.router.add_get("/conversation", self._converse)
        app.router.add_static("/assistant", _OWN)
        app.router.add_static("/shared", _SHARED)
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._close_conversations)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls)
        try:
            await site.start()
        except OSError:
            await self.__aexit__()
            raise
        port = self._runner.addresses[0][1]
        self.url = f"{'https' if self._tls else 'http'}://{self._host}:{port}/"
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._voice.close()

    @web.middleware
    async def _only_to_own_pages(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Any page that somebody opens could reach a server on their machine, even by a name of its own."""
        origin = request.headers.get("Origin")
        try:
            host = urlsplit(f"//{request.host}").hostname
        except ValueError as error:
            raise web.HTTPBadRequest(text="The Host header is no address.") from error
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="Pages from elsewhere may not use the assistant.")
        if self._host in _LOOPBACK and host not in _LOOPBACK:
            raise web.HTTPForbidden(text="The assistant is on this machine: open it as localhost.")
        return await handler(request)

    async def _index(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_OWN / "index.html")

    async def _converse(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=_MOST_BYTES, heartbeat=_HEARTBEAT_S)
        await socket.prepare(request)
        self._open.add(socket)
        page = _Page(socket)
        conversation = Conversation(
            self._client, self._understanding, self.house, self._voice, self._wake, page
        )
        try:
            await page.tell("hello", wake=self._wake.phrase)
            await conversation.run(_incoming(socket, page))
        finally:
            self._open.discard(socket)
            await socket.close()
        return socket

    async def _close_conversations(self, app: web.Application) -> None:
        for socket in list(self._open):
            await socket.close(code=1001)


class _Page:
    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def tell(self, kind: str, **fields: object) -> None:
        try:
            await self._socket.send_str(json.dumps({"kind": kind, **fields}))
        except ConnectionError:
            return  # it is gone; the reading side ends the conversation

    async def play(self, audio: bytes) -> None:
        try:
            await self._socket.send_bytes(audio)
        except ConnectionError:
            return  # likewise


async def _incoming(socket: web.WebSocketResponse, page: _Page) -> AsyncIterator[messages.FromPage | bytes]:
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            yield message.data
        elif message.type is WSMsgType.TEXT:
            try:
                yield messages.read(message.data)
            except messages.BadMessageError as error:
                await page.tell("problem", text=f"The assistant does not know this message ({error}).")


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
