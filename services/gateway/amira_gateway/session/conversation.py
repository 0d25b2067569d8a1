"""The conversation between one client and the two services.

    client ──► Intake ──► _feed_frontend ──► frontend ──► _relay ──► decoder ──► _deliver ──► outbound

Each of the four is one task, and each gRPC call has one reader and one writer. They run in task
groups, so that the first failure ends them all, and both calls are cancelled however it ends.
"""

from __future__ import annotations

import asyncio

import structlog

from amira.asr.v1 import speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core import errors
from amira_core.aio.weighted_queue import WeightedQueue
from amira_gateway.services import DecoderCall, FrontendCall, Services
from amira_gateway.session import convert
from amira_gateway.session.intake import Intake, Piece, weight_s
from amira_gateway.session.lag import SAMPLE_RATE_HZ, LagTracker
from amira_gateway.session.outbound import Outbound, Outgoing
from amira_gateway.session.protocol import Configured, Ended, Ordered
from amira_gateway.session.watch import expire
from amira_gateway.settings import GatewaySettings


class Conversation:
    """Holds a slot from the client's config to the decoder's last word."""

    def __init__(
        self,
        session_id: str,
        intake: Intake,
        outbound: Outbound,
        services: Services,
        settings: GatewaySettings,
        lag: LagTracker,
        max_audio_s: float | None,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        """`max_audio_s` refuses longer audio with AudioTooLongError; None: no bound."""
        self._session_id = session_id
        self._intake = intake
        self._outbound = outbound
        self._services = services
        self._settings = settings
        self._lag = lag
        self._max_audio_s = max_audio_s
        self._log = log
        self._frontend: FrontendCall | None = None
        self._decoder: DecoderCall | None = None
        self._behind_barriers: WeightedQueue[Ordered | Ended] = WeightedQueue(settings.buffer_audio_s)

    async def run(self) -> None:
        """Returns when the last result is in the outbound queue.

        Raises:
            ExceptionGroup: of the AmiraErrors that ended it, the first one first.
        """
        settings = self._settings
        idle = errors.IdleTimeoutError(
            f"No message came for {settings.idle_timeout_s:g} s: send audio, KEEP_ALIVE or END_OF_AUDIO."
        )
        silence = f"did not answer for {settings.service_timeout_s:g} s. Open a new stream."
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(coroutine)
                for coroutine in (
                    self._intake.run(),
                    expire(lambda: self._intake.waiting_since, settings.idle_timeout_s, idle),
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
            configured = await self._intake.configured
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
        session = convert.session_info(self._session_id, model)
        await self._outbound.put(Outgoing(speech_pb2.StreamingRecognizeResponse(session=session)))

    async def _feed_frontend(self, frontend: FrontendCall, configured: Configured) -> None:
        barrier = 0
        while True:
            item = await self._intake.next()
            if isinstance(item, Piece):
                if not configured.shape.is_pcm:
                    self._lag.forwarded(item.arrived_at)
                request = frontend_pb2.ExtractRequest(audio=item.content)
            elif isinstance(item, Ended) and self._intake.audio_bytes:
                frontend.expects_answer = True
                await frontend.write(frontend_pb2.ExtractRequest(end=frontend_pb2.EndOfAudio()))
                await frontend.done_writing()
                return
            else:
                # Without any audio there is nothing to flush, and no header to be missed.
                barrier += 1
                await self._wait_behind_barrier(item, frontend)
                request = frontend_pb2.ExtractRequest(barrier=barrier)
            if not await frontend.write(request) or isinstance(item, Ended):
                return

    async def _wait_behind_barrier(self, item: Ordered | Ended, frontend: FrontendCall) -> None:
        """Keeps a control until its barrier comes back; waits while too many are kept."""
        frontend.expects_answer = True  # only barriers that come back make room
        await self._behind_barriers.put(item, weight_s(item))
        frontend.expects_answer = False

    async def _relay(self, frontend: FrontendCall, decoder: DecoderCall, configured: Configured) -> None:
        barriers = 0
        while (response := await frontend.read()) is not None:
            kind = response.WhichOneof("response")
            if kind == "features":
                self._count(response.features.received_samples, configured)
                await decoder.write(decoder_pb2.DecodeRequest(features=response.features.frames))
            elif kind == "barrier":
                barriers += 1
                if response.barrier != barriers or self._behind_barriers.peek() is None:
                    raise frontend.lost("The frontend mixed up its barriers.")
                item = await self._behind_barriers.get()
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

    async def _deliver(self, decoder: DecoderCall) -> None:
        while (response := await decoder.read()) is not None:
            completed_at = self._lag.decoded(response.decoded_frames)
            public = convert.public_response(response)
            if public is not None:
                await self._outbound.put(Outgoing(public, completed_at))
        if not decoder.expects_answer:
            raise decoder.lost("The decoder ended the stream too early.")

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
