"""The client for programs without an event loop."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypedDict, Unpack

import grpc

from amira.asr.v1.config_pb2 import RecognitionConfig
from amira.asr.v1.speech_pb2 import GetCapabilitiesResponse, RecognizeResponse, StreamingRecognizeResponse
from amira_client.access import Pem, Tls, Token
from amira_client.audio import Source
from amira_client.client import UNARY_TIMEOUT_S, AmiraClient, OnResponse
from amira_client.errors import StreamStateError
from amira_client.events import Event
from amira_client.loop_thread import LoopThread
from amira_client.pieces import Pieces
from amira_client.resuming import Resuming
from amira_client.retrying import Retrying
from amira_client.stream import RecognitionStream
from amira_client.sync_stream import SyncStream
from amira_client.transcript import Transcript


class ClientOptions(TypedDict, total=False):
    """What :class:`AmiraClient` takes beside the target."""

    tls: bool | Pem | Tls
    api_key: str | None
    token: Token | None
    plaintext_secret: bool
    credentials: grpc.ChannelCredentials | None
    metadata: Sequence[tuple[str, str | bytes]]
    resume: bool | Resuming
    retry: bool | Retrying
    proxy: bool | str


class SyncClient:
    """:class:`AmiraClient` with plain calls that block; takes the same arguments, raises the same errors.

    A thread of its own does the work, so any number of threads may use one client, notebooks too. It is
    closed by ``with``, by :meth:`close`, when it is no longer used, and when the program ends. A child that
    was forked cannot use its parent's client: make it after the fork.
    """

    def __init__(self, target: str | Sequence[str], **options: Unpack[ClientOptions]) -> None:
        self._thread = LoopThread("amira-client")
        try:
            self._client = self._thread.call(_made(target, options))
        except BaseException:
            self._thread.stop()
            raise
        self._streams: weakref.WeakSet[RecognitionStream] = weakref.WeakSet()
        self._close = weakref.finalize(self, _close, self._thread, self._client, self._streams)
        self.target = self._client.target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives up what still runs, and closes the connections. Safe to call twice."""
        self._close()

    def stream(self, config: RecognitionConfig) -> SyncStream:
        """Opens a stream and sends `config`. Use it with ``with``.

        An unreachable or refusing server shows at the first response, or at a later send.
        """

        async def opened() -> RecognitionStream:
            stream = self._client.stream(config)
            self._streams.add(stream)
            return stream

        return SyncStream(self._thread, self._thread.call(opened()))

    def listen(
        self,
        source: Source | Pieces,
        config: RecognitionConfig | None = None,
        *,
        real_time_factor: float | None = None,
    ) -> Iterator[Event]:
        """Streams `source`, see :meth:`transcribe`, and yields what the server says as it comes.

        An iterator of audio is iterated by a thread of its own, so that it may block.

        Raises:
            UnreadableAudioError, MicrophoneError: from `source`.
            ServerError: the server refused it or failed.
        """
        events = self._client.listen(source, config, real_time_factor=real_time_factor)

        async def next_event() -> Event | None:
            return await anext(events, None)

        try:
            while (event := self._thread.call(next_event())) is not None:
                yield event
        finally:
            if self._thread.is_here:
                self._thread.call(events.aclose())

    def transcribe(
        self,
        source: Source | Pieces,
        config: RecognitionConfig | None = None,
        *,
        real_time_factor: float | None = None,
        on_response: OnResponse | None = None,
    ) -> Transcript:
        """Streams a whole recording and gathers the finals; see :meth:`AmiraClient.transcribe`.

        `on_response` is called on the caller's thread; an iterator of audio has a thread of its own.
        """
        responses: SimpleQueue[StreamingRecognizeResponse | None] = SimpleQueue()
        hear: Callable[[StreamingRecognizeResponse], None] | None = responses.put if on_response else None
        work = self._client.transcribe(source, config, real_time_factor=real_time_factor, on_response=hear)
        if on_response is None:
            return self._thread.call(work)
        transcribing = self._thread.submit(work)
        transcribing.add_done_callback(lambda _: responses.put(None))
        try:
            while (response := responses.get()) is not None:
                on_response(response)
            return transcribing.result()
        finally:
            transcribing.cancel()

    def recognize(
        self,
        source: Source,
        config: RecognitionConfig | None = None,
        *,
        timeout_s: float = UNARY_TIMEOUT_S,
    ) -> RecognizeResponse:
        """Recognizes a short recording in one unary call; see :meth:`AmiraClient.recognize`."""
        return self._thread.call(self._client.recognize(source, config, timeout_s=timeout_s))

    def capabilities(self, *, timeout_s: float = 10.0) -> GetCapabilitiesResponse:
        """What the server offers; asked once per client. Raises ServerError."""
        return self._thread.call(self._client.capabilities(timeout_s=timeout_s))


async def _made(target: str | Sequence[str], options: ClientOptions) -> AmiraClient:
    return AmiraClient(target, **options)


def _close(thread: LoopThread, client: AmiraClient, streams: weakref.WeakSet[RecognitionStream]) -> None:
    """Knows nothing of the SyncClient, which may be gone; runs at the program's end too."""

    async def close() -> None:
        for stream in list(streams):
            await stream.aclose()
        await client.aclose()

    with suppress(StreamStateError):  # collected on its own thread, or in the child of a fork
        thread.call(close())
    thread.stop()
