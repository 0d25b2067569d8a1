"""Streams over WebSockets, whichever protocol they speak (``dialect.py``).

A connection that the client closes or loses before its stream has ended is a call that was lost. A message
beyond the limit is answered with 1009, text that is not UTF-8 with 1007.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_core.incidents import reported
from amira_core.rpc.server import cancel_and_wait
from amira_core.tracing.process import incoming_trace
from amira_core.tracing.stream import stream_trace
from amira_gateway import metrics
from amira_gateway.access import Scope
from amira_gateway.session.client import ClientGoneError
from amira_gateway.web.calls import credentials_of, record_of
from amira_gateway.web.dialect import Dialect
from amira_gateway.web.entrance import Entrance
from amira_gateway.web.socket_client import SocketClient

_CLOSE_S = 2.0

OpenDialect = Callable[[web.Request], Awaitable[Dialect]]
"""From the request that asks for a WebSocket. Raises AmiraError where it cannot be served."""


class SpeechSocket:
    """Serves the WebSockets of one path; :meth:`handle` is a handler for aiohttp."""

    def __init__(
        self, entrance: Entrance, path: str, method: str, open_dialect: OpenDialect, max_message_bytes: int
    ) -> None:
        """`method`: name of the trace."""
        self._entrance = entrance
        self._path = path
        self._method = method
        self._open_dialect = open_dialect
        self._max_message_bytes = max_message_bytes
        self._waiting = 0

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Raises AmiraError where the request is refused before it is a WebSocket."""
        with incoming_trace(self._method, request.headers.items()) as trace, trace.current():
            return await self._handle(request)

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        self._entrance.origins.check(request)
        record = record_of(request, self._path)
        with self._entrance.door.call(record, credentials_of(request), Scope.RECOGNIZE):
            dialect = await self._open_dialect(request)
            socket = web.WebSocketResponse(
                timeout=_CLOSE_S,
                protocols=(dialect.protocol,) if dialect.protocol else (),
                compress=False,  # audio does not get smaller, and what inflates is hard to bound
                max_msg_size=self._max_message_bytes,
            )
            socket.headers.update(dialect.headers)
            await socket.prepare(request)
            client = SocketClient(socket, request.transport, dialect)
            error = await self._serve(client, dialect)
            if error is not None:
                record.status = error.reason
                stream_trace().failed(error.reason)
            await client.end(error, record.audio_s)
        return socket

    async def _serve(self, client: SocketClient, dialect: Dialect) -> errors.AmiraError | None:
        """How the stream ended. Raises ClientGoneError."""
        serving = asyncio.create_task(self._stream(client, dialect), name="stream of a WebSocket")
        receiving = asyncio.create_task(client.receive(), name="messages of a WebSocket")
        try:
            await asyncio.wait((serving, receiving), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                serving.cancel()
            await serving
        except (asyncio.CancelledError, ClientGoneError):
            client.abort()
            if this_task_is_cancelled():
                raise
            raise ClientGoneError("the connection is lost") from None
        except Exception as error:  # noqa: BLE001 - the outermost frame of a call: nothing may pass
            return reported(error, self._path)
        finally:
            await cancel_and_wait([serving, receiving])
        return None

    async def _stream(self, client: SocketClient, dialect: Dialect) -> None:
        await client.greet()
        if dialect.begins_late:
            with self._held_open():
                await client.begun(self._entrance.settings.idle_timeout_s)
        await self._entrance.speech.stream(client)

    @contextmanager
    def _held_open(self) -> Iterator[None]:
        """A connection that holds no place yet; of these there may be as many as there are places."""
        if self._waiting >= self._entrance.settings.max_streams:
            with metrics.refusals():
                raise errors.NoCapacityError("Too many connections wait for their first audio.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
