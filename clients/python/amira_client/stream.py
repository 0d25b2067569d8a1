"""One streaming call with a life cycle that cannot be misused silently.

    open ──send/flush/mark/...──► open ──end()──► ended ──server done──► closed
      └──────────────── aclose() at any time ───────────────────────────────┘

A task owns the calls that carry the stream (carrier.py). Callers only touch queues, so they may time
out or be cancelled at any point (a cancelled read or write of grpc.aio itself would end the call), and
any number of them may send at once. While a lost server is being replaced, senders wait once the queue
is full, and readers wait for the next response.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Self

from amira.asr.v1.config_pb2 import EndpointConfig, HotwordSet, RecognitionConfig
from amira.asr.v1.result_pb2 import SessionInfo
from amira.asr.v1.speech_pb2 import (
    AudioChunk,
    EndOfAudio,
    Flush,
    KeepAlive,
    Mark,
    StreamControl,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
    UpdateConfig,
)
from amira_client.audio import SAMPLE_BYTES
from amira_client.carrier import Carrier
from amira_client.connection import Connection
from amira_client.errors import AmiraClientError, StreamStateError
from amira_client.events import Event, event_of
from amira_client.recovery import Recovery
from amira_client.replay_buffer import ReplayBuffer, is_end
from amira_client.servers import Server, Servers
from amira_client.tracing import StreamSpan

MAX_MESSAGE_BYTES = 512 * 1024
MAX_MARK_BYTES = 128
_LEAVE_S = 0.5
OUTBOUND_MESSAGES = 16
INBOUND_MESSAGES = 256


class RecognitionStream:
    """A running stream; made by :meth:`AmiraClient.stream`.

    Send with :meth:`send` and the controls, say :meth:`end` once, and iterate over the responses
    until they stop. Leaving the ``async with`` block early abandons the call.
    """

    def __init__(
        self,
        servers: Servers,
        connect: Callable[[Server], Awaitable[Connection]],
        config: RecognitionConfig,
        recovery: Recovery,
        span: StreamSpan,
    ) -> None:
        self._span = span
        self._offset_unit_bytes = SAMPLE_BYTES.get(config.encoding, 1) * (
            (config.channels or 1) if config.encoding in SAMPLE_BYTES else 1
        )
        resuming = recovery.resuming
        most_bytes = 0 if resuming is None else resuming.buffer_bytes
        self._buffer = ReplayBuffer(config, self._offset_unit_bytes, most_bytes)
        self._outbound: asyncio.Queue[StreamingRecognizeRequest] = asyncio.Queue(OUTBOUND_MESSAGES)
        self._inbound: asyncio.Queue[StreamingRecognizeResponse | None] = asyncio.Queue(INBOUND_MESSAGES)
        self._ended = False
        self._closed = False
        self._exhausted = False
        self._failure: AmiraClientError | None = None
        self._stopped = False
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()
        opening = StreamingRecognizeRequest(config=config) if resuming is None else self._buffer.opening()
        self._carrier = Carrier(servers, connect, opening, self._buffer, self._take, self._deliver, recovery)
        self._running = asyncio.create_task(self._run(), name="amira-stream")

    @property
    def session(self) -> SessionInfo | None:
        """Who serves the stream; None until the server has answered."""
        return self._carrier.session

    @property
    def ended(self) -> bool:
        """Whether :meth:`end` was called."""
        return self._ended

    async def send(self, audio: bytes) -> None:
        """Sends audio in the config's encoding; waits while the server is behind.

        Raises:
            StreamStateError: after :meth:`end` or :meth:`aclose`.
            ValueError: PCM that is not a whole number of samples of every channel.
            ServerError: the server has ended the call.
        """
        if len(audio) % self._offset_unit_bytes:
            raise ValueError(
                f"{len(audio)} bytes are not a whole number of {self._offset_unit_bytes}-byte samples"
            )
        step = MAX_MESSAGE_BYTES // self._offset_unit_bytes * self._offset_unit_bytes
        pieces = [bytes(audio[start : start + step]) for start in range(0, len(audio), step)]
        await self._put(
            "send audio",
            *(StreamingRecognizeRequest(audio=AudioChunk(content=piece)) for piece in pieces),
        )

    async def flush(self) -> None:
        """Asks for the final of the open segment now."""
        await self._control(StreamControl(flush=Flush()), "flush")

    async def mark(self, mark_id: str) -> None:
        """Asks to be told (by a `mark` response) when all audio sent so far is decoded.

        Raises:
            ValueError: more than 128 bytes.
        """
        if len(mark_id.encode()) > MAX_MARK_BYTES:
            raise ValueError(f"a mark has at most {MAX_MARK_BYTES} bytes")
        await self._control(StreamControl(mark=Mark(id=mark_id)), "set a mark")

    async def keep_alive(self) -> None:
        """Tells the server that the stream is still wanted although there is no audio."""
        await self._control(StreamControl(keep_alive=KeepAlive()), "keep alive")

    async def update_config(
        self,
        *,
        hotwords: HotwordSet | None = None,
        endpoint: EndpointConfig | None = None,
        interim_results: bool | None = None,
    ) -> None:
        """Changes settings from the next segment on; what is left out stays as it was.

        Raises:
            ValueError: nothing to change.
        """
        update = UpdateConfig(hotwords=hotwords, endpoint=endpoint)
        if interim_results is not None:
            update.interim_results = interim_results
        if update.ByteSize() == 0:
            raise ValueError("nothing to update: give hotwords, endpoint or interim_results")
        await self._control(StreamControl(update_config=update), "update the config")

    async def end(self) -> None:
        """Says that no audio follows; the last finals come, then the responses stop."""
        end = StreamingRecognizeRequest(control=StreamControl(end_of_audio=EndOfAudio()))
        await self._put("end", end)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamingRecognizeResponse:
        """The next response.

        Raises:
            ServerError: the server ended the call with an error (after all responses before it).
            StreamStateError: the stream was closed with :meth:`aclose`.
        """
        if self._exhausted:
            self._raise_failure()
            raise StopAsyncIteration
        if self._closed:
            raise StreamStateError("Cannot read: the stream is closed.")
        response = await self._inbound.get()
        if response is not None:
            return response
        self._exhausted = True
        self._inbound.put_nowait(None)  # other readers, if any, must wake up too
        self._raise_failure()
        raise StopAsyncIteration

    async def events(self) -> AsyncGenerator[Event, None]:
        """The responses as typed events; instead of iterating over the stream itself."""
        async for response in self:
            event = event_of(response)
            if event is not None:
                yield event

    async def aclose(self) -> None:
        """Gives the call up if it is still running. Safe to call twice."""
        self._closed = True
        while not self._inbound.empty():
            self._inbound.get_nowait()  # nobody reads any more: the task must not wait for that
        try:
            if not self._stopped and await self._carrier.abandon():
                await asyncio.wait([self._running], timeout=_LEAVE_S)
        finally:
            self._carrier.cancel()
            self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        if self._inbound.empty():
            self._inbound.put_nowait(None)  # wakes whoever waits for a response

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _control(self, control: StreamControl, what: str) -> None:
        await self._put(what, StreamingRecognizeRequest(control=control))

    def _require_open(self, what: str) -> None:
        if self._closed:
            raise StreamStateError(f"Cannot {what}: the stream is closed.")
        self._raise_failure()
        if self._ended:
            raise StreamStateError(f"Cannot {what}: end() was called before.")
        if self._stopped:
            raise StreamStateError(f"Cannot {what}: the server has ended the stream.")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _put(self, what: str, *requests: StreamingRecognizeRequest) -> None:
        """Queues for the writer, in the order of the calls; raises when the stream ends meanwhile."""
        self._require_open(what)
        async with self._turn:
            self._require_open(what)
            for request in requests:
                if self._outbound.full():
                    await self._wait_for_room(what)
                self._outbound.put_nowait(request)
                self._ended = self._ended or is_end([request])

    async def _wait_for_room(self, what: str) -> None:
        self._room.clear()
        await self._room.wait()
        self._require_open(what)

    async def _take(self) -> StreamingRecognizeRequest:
        request = await self._outbound.get()
        self._room.set()
        self._buffer.append(request)
        return request

    async def _deliver(self, response: StreamingRecognizeResponse) -> None:
        if not self._closed:
            await self._inbound.put(response)

    async def _run(self) -> None:
        try:
            await self._carrier.run()
        except AmiraClientError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - whoever waits for a response must hear of it
            self._failure = AmiraClientError(f"The stream broke: {error!r}")
        finally:
            self._stopped = True
            self._room.set()
            self._span.end(self.session.session_id if self.session else "", self._failure)
        await self._inbound.put(None)
