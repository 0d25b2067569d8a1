"""One stream: who reads, who writes, who ends what.

    client ──► _read_client ──► queue (seconds of audio) ──► _feed_frontend ──► frontend
                                                                                   │
    client ◄── run ◄── outbound (bounded) ◄── _deliver ◄── decoder ◄── _relay ◄────┘

Each arrow is one task; each gRPC call has one reader and one writer. All run in task groups inside
`_converse`, so the first failure ends the others, and both calls are cancelled however it ends.
`run` is the one writer to the client: it sends what had been produced before a failure, then raises it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from dataclasses import dataclass

import structlog

from amira.asr.v1 import speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core import errors
from amira_core.aio.weighted_queue import WeightedQueue
from amira_core.rpc.server import cancel_and_wait
from amira_gateway.services import DecoderCall, FrontendCall, Services
from amira_gateway.session import convert
from amira_gateway.session.client import Client
from amira_gateway.session.lag import SAMPLE_RATE_HZ, LagTracker
from amira_gateway.session.outbound import Outbound, Outgoing
from amira_gateway.session.protocol import Audio, ClientProtocol, Configured, Ended, Event, KeptAlive, Ordered
from amira_gateway.session.watch import expire
from amira_gateway.settings import GatewaySettings

_log = structlog.get_logger(__name__)

_OUTBOUND_CAPACITY = 64
# Controls weigh something too, or a flood of them would fill the memory.
_CONTROL_WEIGHT_S = 0.02
_CONTROL_BYTES_PER_S = 32_000


@dataclass(frozen=True, slots=True)
class _Piece:
    """Audio for the frontend, and the monotonic time at which its message came."""

    content: bytes
    arrived_at: float


_Queued = _Piece | Ordered | Ended


class Session:
    """Serves one client from its first message to the end of its last result."""

    def __init__(
        self, client: Client, services: Services, settings: GatewaySettings, max_audio_s: float | None = None
    ) -> None:
        """`max_audio_s` refuses longer audio with AudioTooLongError; None: no bound."""
        self.session_id = uuid.uuid4().hex
        self._client = client
        self._services = services
        self._settings = settings
        self._max_audio_s = max_audio_s
        self._protocol = ClientProtocol(settings.max_message_audio_bytes)
        self._queue: WeightedQueue[_Queued] = WeightedQueue(settings.buffer_audio_s)
        self._outbound = Outbound(_OUTBOUND_CAPACITY)
        self._lag = LagTracker()
        self._configured: asyncio.Future[Configured] = asyncio.get_running_loop().create_future()
        self._reading_since: float | None = None
        self._frontend: FrontendCall | None = None
        self._decoder: DecoderCall | None = None
        self._behind_barriers: deque[Ordered | Ended] = deque()
        self._log = _log.bind(session_id=self.session_id)

    async def run(self) -> None:
        """Returns when the client has everything.

        Raises:
            AmiraError: why the stream failed, after the client got what had been produced.
        """
        began_at = time.monotonic()
        status = "CANCELLED"
        conversing = asyncio.create_task(self._converse_and_close(), name=f"session {self.session_id}")
        try:
            while (item := await self._outbound.get()) is not None:
                await self._send(item)
            status = "OK"
        except errors.AmiraError as error:
            status = error.reason
            raise
        except Exception:
            status = errors.InternalError.reason
            raise
        finally:
            await cancel_and_wait([conversing])
            self._log.info(
                "stream_ended",
                status=status,
                duration_s=round(time.monotonic() - began_at, 3),
                audio_s=round(self._lag.received_s, 3),
            )

    def fail(self, error: errors.AmiraError) -> None:
        """Ends the stream with `error` as soon as the client has what waits for it."""
        self._outbound.close(error)

    # --- to the client -------------------------------------------------------------------------

    async def _send(self, item: Outgoing) -> None:
        lag = item.response.lag
        lag.audio.FromNanoseconds(int(self._lag.behind_s * 1e9))
        if item.completed_at is not None and item.response.WhichOneof("response") == "result":
            lag.server_latency.FromNanoseconds(int((time.monotonic() - item.completed_at) * 1e9))
        timeout_s = self._settings.client_stall_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.write(item.response)
        except TimeoutError:
            raise errors.ClientNotReadingError(
                f"The client took no result for {timeout_s:g} s: read the results while sending audio."
            ) from None

    # --- the conversation ----------------------------------------------------------------------

    async def _converse_and_close(self) -> None:
        error: Exception | None = RuntimeError("the conversation was cancelled")
        try:
            await self._converse()
            error = None
        except Exception as failure:  # noqa: BLE001 - `run` raises it once the client has what came before
            error = _first(failure)
        finally:
            self._outbound.close(error)

    async def _converse(self) -> None:
        settings = self._settings
        idle = errors.IdleTimeoutError(
            f"No message came for {settings.idle_timeout_s:g} s: send audio, KEEP_ALIVE or END_OF_AUDIO."
        )
        silence = f"did not answer for {settings.service_timeout_s:g} s. Open a new stream."
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(coroutine)
                for coroutine in (
                    self._read_client(),
                    expire(lambda: self._reading_since, settings.idle_timeout_s, idle),
                    expire(
                        self._decoder_silent_since,
                        settings.service_timeout_s,
                        errors.DecoderLostError(f"The decoder {silence}"),
                    ),
                    expire(
                        self._frontend_silent_since,
                        settings.service_timeout_s,
                        errors.FrontendLostError(f"The frontend {silence}"),
                    ),
                )
            ]
            configured = await self._configured
            await self._serve(configured)
            for helper in helpers:
                helper.cancel()

    async def _serve(self, configured: Configured) -> None:
        """Holds a slot for as long as it runs: the decoder first, for it may refuse."""
        config = configured.config
        self._decoder = decoder = self._services.decode()
        try:
            await self._open_decoder(decoder, configured)
            self._frontend = frontend = self._services.extract()
            try:
                self._log.info("stream_started", encoding=config.encoding, rate_hz=config.sample_rate_hz)
                await frontend.write(frontend_pb2.ExtractRequest(format=convert.audio_format(config)))
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._feed_frontend(frontend, configured))
                    pumps.create_task(self._relay(frontend, decoder, configured))
                    pumps.create_task(self._deliver(decoder))
            finally:
                frontend.cancel()
        finally:
            decoder.cancel()

    async def _open_decoder(self, decoder: DecoderCall, configured: Configured) -> None:
        decoder.expects_answer = True
        await decoder.write(decoder_pb2.DecodeRequest(config=configured.config))
        first = await decoder.read()
        decoder.expects_answer = False
        if first is None or first.WhichOneof("response") != "accepted":
            raise decoder.lost("The decoder did not accept the stream.")
        model = first.accepted.model
        self._lag.accepted(model.look_ahead.ToNanoseconds() / 1e9)
        session = convert.session_info(self.session_id, model)
        await self._outbound.put(Outgoing(speech_pb2.StreamingRecognizeResponse(session=session)))

    # --- client to queue -----------------------------------------------------------------------

    async def _read_client(self) -> None:
        request: speech_pb2.StreamingRecognizeRequest | None
        while True:
            # Once the audio has ended a client that says nothing is not idle, it waits.
            self._reading_since = None if self._protocol.ended else time.monotonic()
            request = await self._client.read()
            self._reading_since = None
            event = self._protocol.half_close() if request is None else self._protocol.accept(request)
            if event is not None:
                await self._take(event, time.monotonic())
            if request is None:
                return

    async def _take(self, event: Event, now: float) -> None:
        if isinstance(event, Audio):
            await self._take_audio(event.content, now)
        elif isinstance(event, Ordered):
            if isinstance(event.control, speech_pb2.Flush):
                self._lag.closed(now)
            size_s = event.control.ByteSize() / _CONTROL_BYTES_PER_S
            await self._queue.put(event, _CONTROL_WEIGHT_S + size_s)
        elif isinstance(event, Ended):
            self._lag.closed(now)
            await self._queue.put(event, 0.0)
        elif isinstance(event, Configured):
            self._configured.set_result(event)
        else:
            assert isinstance(event, KeptAlive)  # arriving is all it is for

    async def _take_audio(self, content: bytes, now: float) -> None:
        if not content:
            return
        shape = self._configured.result().shape
        if shape.is_pcm:
            self._lag.arrived(shape.seconds(self._protocol.audio_bytes), now)
        for piece in shape.cut(content):
            await self._queue.put(_Piece(piece, now), shape.seconds(len(piece)))

    # --- queue to frontend ---------------------------------------------------------------------

    async def _feed_frontend(self, frontend: FrontendCall, configured: Configured) -> None:
        barrier = 0
        while True:
            item = await self._queue.get()
            if isinstance(item, _Piece):
                request = await self._join_waiting(item, configured)
            elif isinstance(item, Ended) and self._protocol.audio_bytes:
                frontend.expects_answer = True
                await frontend.write(frontend_pb2.ExtractRequest(end=frontend_pb2.EndOfAudio()))
                await frontend.done_writing()
                return
            else:
                # Without any audio there is nothing to flush, and no header to be missed.
                barrier += 1
                self._behind_barriers.append(item)
                request = frontend_pb2.ExtractRequest(barrier=barrier)
            if not await frontend.write(request) or isinstance(item, Ended):
                return

    async def _join_waiting(self, first: _Piece, configured: Configured) -> frontend_pb2.ExtractRequest:
        """One message of what waits, up to a piece: calls cost per message, and this adds no delay."""
        parts = [first.content]
        size = len(first.content)
        arrived_at = first.arrived_at
        while isinstance(following := self._queue.peek(), _Piece):
            size += len(following.content)
            if size > configured.shape.piece_bytes:
                break
            parts.append(following.content)
            arrived_at = following.arrived_at
            await self._queue.get()
        if not configured.shape.is_pcm:
            self._lag.forwarded(arrived_at)
        return frontend_pb2.ExtractRequest(audio=b"".join(parts))

    # --- frontend to decoder -------------------------------------------------------------------

    async def _relay(self, frontend: FrontendCall, decoder: DecoderCall, configured: Configured) -> None:
        barriers = 0
        while (response := await frontend.read()) is not None:
            kind = response.WhichOneof("response")
            if kind == "features":
                self._count(response.features.received_samples, configured)
                await decoder.write(decoder_pb2.DecodeRequest(features=response.features.frames))
            elif kind == "barrier":
                barriers += 1
                if response.barrier != barriers or not self._behind_barriers:
                    raise frontend.lost("The frontend mixed up its barriers.")
                item = self._behind_barriers.popleft()
                if isinstance(item, Ended):
                    await self._end(decoder)
                    return
                await decoder.write(convert.decoder_control(item.control))
            elif kind == "summary":
                frontend.expects_answer = False
                self._count(response.summary.samples, configured)
                await self._end(decoder)
                return
        raise frontend.lost("The frontend ended the stream too early.")

    def _count(self, received_samples: int, configured: Configured) -> None:
        if not configured.shape.is_pcm:
            self._lag.extracted(received_samples)
        if self._max_audio_s is not None and received_samples > self._max_audio_s * SAMPLE_RATE_HZ:
            raise errors.AudioTooLongError(
                f"The recording is longer than {self._max_audio_s:g} s: use StreamingRecognize."
            )

    async def _end(self, decoder: DecoderCall) -> None:
        decoder.expects_answer = True
        await decoder.write(decoder_pb2.DecodeRequest(end=speech_pb2.EndOfAudio()))
        await decoder.done_writing()

    # --- decoder to client ---------------------------------------------------------------------

    async def _deliver(self, decoder: DecoderCall) -> None:
        while (response := await decoder.read()) is not None:
            completed_at = self._lag.decoded(response.decoded_frames)
            public = convert.public_response(response)
            if public is not None:
                await self._outbound.put(Outgoing(public, completed_at))
        if not decoder.expects_answer:
            raise decoder.lost("The decoder ended the stream too early.")

    # --- who is late ---------------------------------------------------------------------------

    def _decoder_silent_since(self) -> float | None:
        if self._decoder is None or self._outbound.full_since is not None:
            return None  # a client that does not read holds up the decoder, too
        since = self._decoder.silent_since
        return None if since is None else max(since, self._outbound.moved_at)

    def _frontend_silent_since(self) -> float | None:
        if self._frontend is None or self._decoder is None or self._decoder.silent_since is not None:
            return None  # a decoder that takes nothing holds up the frontend, too
        since = self._frontend.silent_since
        return None if since is None else max(since, self._decoder.moved_at)


def _first(failure: Exception) -> Exception:
    """The failure that came first; task groups wrap theirs."""
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return failure
