"""A stream for programs without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from amira.asr.v1.config_pb2 import EndpointConfig, HotwordSet
from amira.asr.v1.result_pb2 import SessionInfo
from amira.asr.v1.speech_pb2 import StreamingRecognizeResponse
from amira_client.events import Event, event_of
from amira_client.loop_thread import LoopThread
from amira_client.stream import RecognitionStream


class SyncStream:
    """A running stream; made by :meth:`SyncClient.stream`. See :class:`RecognitionStream`.

    One thread may send while another one reads; any number may do either.
    """

    def __init__(self, thread: LoopThread, stream: RecognitionStream) -> None:
        self._thread = thread
        self._stream = stream

    @property
    def session(self) -> SessionInfo | None:
        """Who serves the stream; None until the server has answered."""
        return self._stream.session

    @property
    def ended(self) -> bool:
        """Whether :meth:`end` was called."""
        return self._stream.ended

    def send(self, audio: bytes) -> None:
        """Sends audio in the config's encoding; blocks while the server is behind."""
        self._thread.call(self._stream.send(audio))

    def flush(self) -> None:
        """Asks for the final of the open segment now."""
        self._thread.call(self._stream.flush())

    def mark(self, mark_id: str) -> None:
        """Asks to be told when all audio sent so far is decoded. Raises ValueError beyond 128 bytes."""
        self._thread.call(self._stream.mark(mark_id))

    def keep_alive(self) -> None:
        """Tells the server that the stream is still wanted although there is no audio."""
        self._thread.call(self._stream.keep_alive())

    def update_config(
        self,
        *,
        hotwords: HotwordSet | None = None,
        endpoint: EndpointConfig | None = None,
        interim_results: bool | None = None,
    ) -> None:
        """Changes settings from the next segment on. Raises ValueError when there is nothing to change."""
        self._thread.call(
            self._stream.update_config(hotwords=hotwords, endpoint=endpoint, interim_results=interim_results)
        )

    def end(self) -> None:
        """Says that no audio follows; the last finals come, then the responses stop."""
        self._thread.call(self._stream.end())

    def receive(self, timeout_s: float | None = None) -> StreamingRecognizeResponse | None:
        """The next response; None after the last one.

        Args:
            timeout_s: how long to wait; None: as long as it takes, 0: not at all.

        Raises:
            TimeoutError: there is none yet; nothing is lost by it.
            ServerError: the server ended the call with an error (after all responses before it).
            StreamStateError: the stream was closed.
        """

        async def next_response() -> StreamingRecognizeResponse | None:
            async with asyncio.timeout(timeout_s):
                return await anext(self._stream, None)

        return self._thread.call(next_response())

    def events(self) -> Iterator[Event]:
        """The responses as typed events; instead of iterating over the stream itself."""
        for response in self:
            event = event_of(response)
            if event is not None:
                yield event

    def close(self) -> None:
        """Gives the call up if it is still running. Safe to call twice, and after the client was closed."""
        if self._thread.is_here:
            self._thread.call(self._stream.aclose())

    def __iter__(self) -> Iterator[StreamingRecognizeResponse]:
        while (response := self.receive()) is not None:
            yield response

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
