"""A WebSocket as a session's client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable

from aiohttp import WSMessage, WSMsgType, web

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.aio.cancellation import this_task_is_cancelled
from amira_gateway.session.client import ClientGoneError
from amira_gateway.web.dialect import Content, Dialect

_WAITING = 1
"""Messages that wait for the session. The next one is taken from the connection when the session has taken
one, so a client that is too fast is slowed down by its own connection."""

_LAST_WORD_S = 2.0
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


class SocketClient:
    """Receives in a task of its own, so that a lost connection is noticed when nobody reads."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, dialect: Dialect
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._dialect = dialect
        self._begun = asyncio.Event()
        self._received: asyncio.Queue[speech_pb2.StreamingRecognizeRequest | errors.AmiraError] = (
            asyncio.Queue(_WAITING)
        )

    async def greet(self) -> None:
        """Says what comes first. Raises ClientGoneError."""
        for content in self._dialect.greeting():
            await self._send(content)

    async def receive(self) -> None:
        """Receives until the connection is closed or lost: then the client is gone.

        A message that cannot be used does not end it: :meth:`read` raises what is wrong.
        """
        usable = True
        with contextlib.suppress(ClientGoneError):
            while (message := await self._next(usable)) is None or message.type not in _ENDS:
                if not usable or (message and message.type not in (WSMsgType.TEXT, WSMsgType.BINARY)):
                    continue
                try:
                    await self._take(message)
                except errors.AmiraError as error:
                    usable = False
                    await self._put(error)

    async def begun(self, timeout_s: float) -> None:
        """Waits until there is something to read. Raises IdleTimeoutError."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._begun.wait()
        except TimeoutError:
            raise errors.IdleTimeoutError(f"No audio came for {timeout_s:g} s.") from None

    async def read(self) -> speech_pb2.StreamingRecognizeRequest:
        """The next message. A WebSocket cannot be half-closed: END_OF_AUDIO says that no audio follows.

        Raises AmiraError for a message that cannot be used.
        """
        message = await self._received.get()
        if isinstance(message, errors.AmiraError):
            raise message
        return message

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        for content in self._dialect.tell(response):
            await self._send(content)

    async def end(self, error: errors.AmiraError | None, audio_s: float) -> None:
        """Says how the stream ended, and closes."""
        words = self._dialect.end(error, audio_s)
        with contextlib.suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(_LAST_WORD_S):
                for content in words.messages:
                    await self._send(content)
                await _or_gone(self._socket.close(code=words.close_code, message=words.close_reason.encode()))
        self.abort()

    def abort(self) -> None:
        """Cuts the connection; where the client does not read, merely closing it would wait for ever."""
        if self._transport is not None:
            self._transport.abort()

    async def _next(self, usable: bool) -> WSMessage | None:
        """None: nothing came for too long."""
        try:
            return await self._socket.receive(timeout=self._dialect.silence_s if usable else None)
        except TimeoutError:
            return None

    async def _take(self, message: WSMessage | None) -> None:
        if message is None:
            raise errors.IdleTimeoutError(
                f"No message came for {self._dialect.silence_s:g} s: send audio or keep-alive messages."
            )
        for item in self._dialect.take(message):
            if isinstance(item, speech_pb2.StreamingRecognizeRequest):
                await self._put(item)
            else:
                await self._send(item)

    async def _put(self, item: speech_pb2.StreamingRecognizeRequest | errors.AmiraError) -> None:
        self._begun.set()
        await self._received.put(item)

    async def _send(self, content: Content) -> None:
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
