"""Calls with one request and one answer: at any server, tried again where that can help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from amira_client.errors import ServerError, from_rpc_error
from amira_client.resuming import may_pass
from amira_client.retrying import Pause, Retrying, can_begin_later
from amira_client.secret import Secret
from amira_client.servers import Server, Servers

AnswerT = TypeVar("AnswerT")
Metadata = tuple[tuple[str, str | bytes], ...]
Ask = Callable[[Server, Metadata], Awaitable[AnswerT]]
"""Makes the call at one server, with this metadata."""


class Unary:
    """`retrying`: None: every server is asked once."""

    def __init__(
        self, servers: Servers, secret: Secret, metadata: Metadata, retrying: Retrying | None
    ) -> None:
        self._servers = servers
        self._secret = secret
        self._metadata = metadata
        self._retrying = retrying

    async def ask(self, ask: Ask[AnswerT]) -> AnswerT:
        """The answer of the first server that gives one. Raises ServerError if none does."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + (self._retrying.for_s if self._retrying is not None else 0.0)
        pause = Pause()
        while True:
            try:
                return await self._ask_each(ask, pause)
            except ServerError as error:
                delay_s = pause.next_s()
                if not can_begin_later(error) or loop.time() + delay_s > give_up_at:
                    raise
            await asyncio.sleep(delay_s)

    async def _ask_each(self, ask: Ask[AnswerT], pause: Pause) -> AnswerT:
        """One round. Raises the first server's ServerError if no other one gave an answer."""
        first: ServerError | None = None
        for server in self._servers.in_turn(self._servers.preferred):
            try:
                return await self._ask_one(ask, server)
            except ServerError as error:
                pause.advise(error)
                if not may_pass(error):
                    raise
                first = first or error
        assert first is not None, "there is a server"
        raise first

    async def _ask_one(self, ask: Ask[AnswerT], server: Server) -> AnswerT:
        header = await self._secret.header()
        try:
            return await ask(server, (*self._metadata, *header))
        except grpc.aio.AioRpcError as failure:
            error = from_rpc_error(failure, server.peer)
            if not self._secret.renewed(error, header):
                raise error from failure
        try:
            return await ask(server, (*self._metadata, *await self._secret.header()))
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure, server.peer) from failure
