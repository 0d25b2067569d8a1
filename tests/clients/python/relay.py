"""A network in between that can be cut; run by the programs beside this file, in their own environment."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self


class Relay:
    """``async with Relay("host:port") as relay: relay.address``; `cut` breaks all connections through it."""

    def __init__(self, target: str) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._writers: set[asyncio.StreamWriter] = set()
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._break()

    def cut(self) -> None:
        """Whoever is connected is so no more."""
        self.cuts += 1
        self._break()

    def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(self._host, int(self._port))
        ours = {writer, inner_writer}
        self._writers |= ours
        try:
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(_pass(reader, inner_writer), _pass(inner_reader, writer))
        finally:
            self._writers -= ours
            for one in ours:
                one.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError  # one side is gone: so is the other
