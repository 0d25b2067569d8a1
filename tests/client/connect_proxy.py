"""A real HTTP proxy that knows CONNECT alone."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from types import TracebackType
from typing import Self


class ConnectProxy:
    """``async with ConnectProxy() as proxy: proxy.address``."""

    def __init__(self, user_and_password: str = "", refuse_with: str = "") -> None:
        self.asked: list[str] = []
        """The targets of all CONNECTs."""
        self.relayed_bytes = 0
        self._wanted = f"Basic {base64.b64encode(user_and_password.encode()).decode()}"
        self._asks_for_password = bool(user_and_password)
        self._refuse_with = refuse_with
        self._tunnels: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._tunnel(reader, writer)
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        assert method == "CONNECT"
        self.asked.append(target)
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        given = {name.lower(): value for name, value in headers.items()}.get("proxy-authorization")
        refusal = self._refuse_with
        if self._asks_for_password and given != self._wanted:
            refusal = "407 Proxy Authentication Required"
        if refusal:
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        host, _, port = target.rpartition(":")
        inner_reader, inner_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(self._relay(reader, inner_writer), self._relay(inner_reader, writer))
        finally:
            inner_writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.relayed_bytes += len(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof() if writer.can_write_eof() else writer.close()
