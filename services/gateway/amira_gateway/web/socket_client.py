"""A WebSocket as a session's client."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable

from aiohttp import WSMsgType, web

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_gateway.session.client import ClientGoneError
from amira_gateway.web.codec import Codec
from amira_gateway.web.failures import NORMAL_CLOSE, close_code, status_body

_WAITING = 1
"""Messages that wait for the session. The next one is taken from the connection when the session has taken
one, so a client that is too fast is slowed down by its own connection."""

_LAST_WORD_S = 2.0


class SocketClient:
    """Receives in a task of its own, so that a lost connection is noticed when nobody reads."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, codec: Codec
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._codec = codec
        self._received: asyncio.Queue[speech_pb2.StreamingRecognizeRequest | errors.AmiraError] = (
            asyncio.Queue(_WAITING)
        )

    async def receive(self) -> None:
        """Receives until the connection is closed or lost: then the client is gone.

        A message that is none does not end it: :meth:`read` raises what is wrong.
        """
        usable = True
        async for message in self._socket:
            if not usable or message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            try:
                await self._received.put(self._codec.request(message))
            except errors.AmiraError as error:
                usable = False
                await self._received.put(error)

    async def read(self) -> speech_pb2.StreamingRecognizeRequest:
        """The next message. A WebSocket cannot be half-closed: END_OF_AUDIO says that no audio follows.

        Raises InvalidRequestError.
        """
        message = await self._received.get()
        if isinstance(message, errors.AmiraError):
            raise message
        return message

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        await self._send(self._codec.response(response))

    async def end(self, error: errors.AmiraError | None) -> None:
        """Says how the stream ended, and closes."""
        code = NORMAL_CLOSE if error is None else close_code(error)
        with contextlib.suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(_LAST_WORD_S):
                await self._send(json.dumps({"status": status_body(error)}))
                await _or_gone(self._socket.close(code=code))
        self.abort()

    def abort(self) -> None:
        """Cuts the connection; where the client does not read, merely closing it would wait for ever."""
        if self._transport is not None:
            self._transport.abort()

    async def _send(self, content: str | bytes) -> None:
        if isinstance(content, str):
            await _or_gone(self._socket.send_str(content))
        else:
            await _or_gone(self._socket.send_bytes(content))


async def _or_gone(writing: Awaitable[object]) -> None:
    """Raises ClientGoneError where aiohttp has one of several other ways to say it.

    A write that was given up leaves behind a cancelled future, by which the next one, too, is cancelled.
    """
    try:
        await writing
    except ConnectionError:
        raise ClientGoneError("the connection is lost") from None
    except asyncio.CancelledError:
        if this_task_is_cancelled():
            raise
        raise ClientGoneError("a write before this one was given up") from None
