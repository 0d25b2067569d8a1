"""One streaming call with a life cycle that cannot be misused silently.

    open ──send/flush/mark/...──► open ──end()──► ended ──server done──► closed
      └──────────────── aclose() at any time ───────────────────────────────┘

Two tasks own the call: one writes, one reads. Callers only touch queues, so they may time out or
be cancelled at any point (a cancelled read or write of grpc.aio itself would end the call), and
any number of them may send at once.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import grpc

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
from amira_client.access import Peer
from amira_client.audio import SAMPLE_BYTES
from amira_client.core_status import ServerStatus
from amira_client.errors import AmiraClientError, ServerError, StreamStateError, from_rpc_error

Call = grpc.aio.StreamStreamCall[StreamingRecognizeRequest, StreamingRecognizeResponse]

MAX_MESSAGE_BYTES = 512 * 1024
MAX_MARK_BYTES = 128
OUTBOUND_MESSAGES = 16
INBOUND_MESSAGES = 256


class RecognitionStream:
    """A running stream; made by :meth:`AmiraClient.stream`.

    Send with :meth:`send` and the controls, say :meth:`end` once, and iterate over the responses
    until they stop. Leaving the ``async with`` block early abandons the call.
    """

    def __init__(self, call: Call, config: RecognitionConfig, peer: Peer) -> None:
        self._call = call
        self._status = ServerStatus(call)
        self._peer = peer
        self._offset_unit_bytes = SAMPLE_BYTES.get(config.encoding, 1) * (
            (config.channels or 1) if config.encoding in SAMPLE_BYTES else 1
        )
        self._offset = 0
        self._outbound: asyncio.Queue[StreamingRecognizeRequest] = asyncio.Queue(OUTBOUND_MESSAGES)
        self._inbound: asyncio.Queue[StreamingRecognizeResponse | None] = asyncio.Queue(INBOUND_MESSAGES)
        self._ended = False
        self._closed = False
        self._exhausted = False
        self._failure: AmiraClientError | None = None
        self._stopped = False
        self._turn = asyncio.Lock()
        self._room = asyncio.Event()
        self._session: SessionInfo | None = None
        self._outbound.put_nowait(StreamingRecognizeRequest(config=config))
        self._writer = asyncio.create_task(self._write(), name="amira-stream-writer")
        self._reader = asyncio.create_task(self._read(), name="amira-stream-reader")

    @property
    def session(self) -> SessionInfo | None:
        """Who serves the stream; None until the server has answered."""
        return self._session

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

    async def aclose(self) -> None:
        """Gives the call up if it is still running. Safe to call twice."""
        self._closed = True
        self._call.cancel()
        for task in (self._writer, self._reader):
            task.cancel()
        await asyncio.gather(self._writer, self._reader, return_exceptions=True)
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
                self._ended = self._ended or _is_end(request)

    async def _wait_for_room(self, what: str) -> None:
        self._room.clear()
        await self._room.wait()
        self._require_open(what)

    async def _write(self) -> None:
        while True:
            request = await self._outbound.get()
            self._room.set()
            if request.HasField("audio"):
                request.audio.offset = self._offset
                self._offset += len(request.audio.content) // self._offset_unit_bytes
            try:
                await self._call.write(request)
                if _is_end(request):
                    await self._call.done_writing()
                    return
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return  # the reader sees why, with everything the server said before
            except Exception:
                self._call.cancel()  # or senders would wait for ever
                raise

    async def _read(self) -> None:
        try:
            async for response in self._call:
                if response.HasField("session"):
                    self._session = response.session
                await self._inbound.put(response)
        except grpc.aio.AioRpcError as failure:
            self._failure = from_rpc_error(self._status.failure(failure), self._peer)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # grpc.aio reports the status CANCELLED as if this task had been cancelled.
            self._failure = ServerError("The call was cancelled.", status=grpc.StatusCode.CANCELLED)
        except Exception as error:  # noqa: BLE001 - whoever waits for a response must hear of it
            self._failure = AmiraClientError(f"A response cannot be read: {error!r}")
            self._call.cancel()
        finally:
            self._stopped = True
            self._room.set()
            self._writer.cancel()
        await self._inbound.put(None)


def _is_end(request: StreamingRecognizeRequest) -> bool:
    return request.HasField("control") and request.control.HasField("end_of_audio")
