"""The conversation between one client and the two services.

    client ──► Intake ──► _feed_frontend ──► frontend ──► _relay ──► decoder ──► _deliver ──► outbound

Each of the four is one task. The links to the two services outlive the replicas at their other ends
(replay/link.py): what is read from them has neither gaps nor repetitions, but for results, which
`_deliver` sorts out. The tasks run in groups, so that the first failure ends them all, and both links are
closed however it ends.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext

import structlog

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira.frontend.v1 import frontend_pb2
from amira_core import errors
from amira_core.aio.weighted_queue import WeightedQueue
from amira_core.tracing.stream import stream_trace
from amira_gateway.replay.audio_log import AudioLog
from amira_gateway.replay.decoder_log import FRAME_BYTES, DecoderLog
from amira_gateway.replay.delivered import Delivered
from amira_gateway.replay.link import Link
from amira_gateway.replicas.replica import Replica
from amira_gateway.services import DecoderCall, Services, begin_decode, begin_extract
from amira_gateway.session import convert, resume_point
from amira_gateway.session.ending import Ending
from amira_gateway.session.intake import Intake, Piece, weight_s
from amira_gateway.session.lag import SAMPLE_RATE_HZ, LagTracker
from amira_gateway.session.outbound import Outbound, Outgoing
from amira_gateway.session.protocol import Configured, Ended, Ordered
from amira_gateway.session.watch import watch
from amira_gateway.settings import GatewaySettings

FrontendLink = Link[frontend_pb2.ExtractRequest, frontend_pb2.ExtractResponse]
DecoderLink = Link[decoder_pb2.DecodeRequest, decoder_pb2.DecodeResponse]


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
        self._frontend: FrontendLink | None = None
        self._decoder: DecoderLink | None = None
        self._model: config_pb2.ModelInfo | None = None
        self._wanted_model: resume_point.Model | None = None
        self._degraded = False
        self._chunk = 0, 0  # frames: the encoder's window, and from one chunk to the next
        self._behind_barriers: WeightedQueue[Ordered | Ended] = WeightedQueue(settings.buffer_audio_s)
        self._ending = Ending(intake, outbound, settings)

    async def run(self) -> None:
        """Returns when the last result is in the outbound queue.

        Raises:
            ExceptionGroup: of the AmiraErrors that ended it, the first one first.
        """
        settings = self._settings
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(coroutine)
                for coroutine in (
                    self._intake.run(),
                    self._ending.watch_idleness(),
                    self._ending.watch_duration(),
                    watch(self._decoder_silent_since, settings.service_timeout_s, self._give_up_decoder),
                    watch(self._frontend_silent_since, settings.service_timeout_s, self._give_up_frontend),
                )
            ]
            configured = await self._intake.configured
            await self._serve(configured)
            for helper in helpers:
                helper.cancel()
            self._ending.check()

    async def _serve(self, configured: Configured) -> None:
        """Holds a slot for as long as it runs: the decoder first, for it may refuse."""
        config = configured.config
        beginning = configured.beginning
        self._wanted_model = beginning.model
        encoding = config_pb2.AudioEncoding.Name(config.encoding)
        stream_trace().set(encoding=encoding, rate_hz=config.sample_rate_hz)
        if beginning.decoder is not None:
            stream_trace().resumed(beginning.traceparent)
        decoder_log = DecoderLog(config, self._settings.replay_audio_s, beginning.decoder)
        decoder = DecoderLink(
            self._services.decoders,
            decoder_log,
            self._begin_decode,
            self._settings.recovery_timeout_s,
            self._log,
        )
        audio_format = convert.audio_format(config)
        audio_log = AudioLog(
            audio_format,
            configured.shape,
            self._settings.replay_compressed_bytes,
            beginning.decoder.first_frame if beginning.decoder else 0,
        )
        frontend = FrontendLink(
            self._services.frontends,
            audio_log,
            begin_extract,
            self._settings.recovery_timeout_s,
            self._log,
        )
        try:
            starts_by = time.monotonic() + self._settings.start_timeout_s
            goes_on = beginning.decoder is not None or beginning.model is not None
            with nullcontext() if goes_on else self._services.fullness.learning():
                await decoder.open(self._settings.start_timeout_s)
            self._decoder = decoder
            await self._announce()
            audio_log.cut_by(*self._chunk)
            await frontend.open(starts_by - time.monotonic())
            self._frontend = frontend
            self._log.info("stream_started", encoding=config.encoding, rate_hz=config.sample_rate_hz)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._feed_frontend(frontend, audio_log, configured))
                pumps.create_task(self._relay(frontend, audio_log, decoder, configured))
                pumps.create_task(self._deliver(decoder, decoder_log, configured))
        finally:
            await frontend.close()
            await decoder.close()

    async def _begin_decode(self, replica: Replica, opening: decoder_pb2.DecodeRequest) -> DecoderCall:
        """A stream keeps its model: another one would find other words."""
        if self._wanted_model is not None:
            opening.model_version = self._wanted_model[1]
        call, accepted = await begin_decode(replica, opening)
        model = (accepted.model.name, accepted.model.version)
        if self._wanted_model not in (None, model):
            call.cancel()
            raise errors.NoCapacityError("The decoder runs another model.")
        self._wanted_model = model
        self._degraded = accepted.degraded
        self._model = self._model or accepted.model
        self._chunk = accepted.window_frames, accepted.chunk_frames
        return call

    async def _announce(self) -> None:
        assert self._model is not None
        self._lag.accepted(self._model.look_ahead.ToNanoseconds() / 1e9)
        session = convert.session_info(self._session_id, self._model)
        response = speech_pb2.StreamingRecognizeResponse(session=session, degraded=self._degraded)
        await self._outbound.put(Outgoing(response))
        self._ending.announced = True

    async def _feed_frontend(
        self, frontend: FrontendLink, audio_log: AudioLog, configured: Configured
    ) -> None:
        """Audio goes out once it may complete a chunk of the decoder's, or something follows it."""
        barrier = 0
        held: list[bytes] = []
        while True:
            item = await self._intake.next()
            if isinstance(item, Piece):
                if not configured.shape.is_pcm:
                    self._lag.forwarded(item.arrived_at)
                held.append(item.content)
                if audio_log.is_worth_sending(sum(map(len, held))):
                    await _send_audio(frontend, held)
                continue
            await _send_audio(frontend, held)
            if isinstance(item, Ended) and self._intake.has_audio:
                frontend.expects_answer = True
                await frontend.write(frontend_pb2.ExtractRequest(end=frontend_pb2.EndOfAudio()))
                await frontend.done_writing()
                return
            # Without any audio there is nothing to flush at the end, and no header to be missed.
            barrier += 1
            await self._wait_behind_barrier(item, frontend)
            request = frontend_pb2.ExtractRequest(barrier=barrier, chunk_begins=convert.ends_chunk(item))
            await frontend.write(request)
            if isinstance(item, Ended):
                return

    async def _wait_behind_barrier(self, item: Ordered | Ended, frontend: FrontendLink) -> None:
        """Keeps a control until its barrier comes back; waits while too many are kept."""
        frontend.expects_answer = True  # only barriers that come back make room
        await self._behind_barriers.put(item, weight_s(item))
        frontend.expects_answer = False

    async def _relay(
        self, frontend: FrontendLink, audio_log: AudioLog, decoder: DecoderLink, configured: Configured
    ) -> None:
        barriers = 0
        while (response := await frontend.read()) is not None:
            kind = response.WhichOneof("response")
            if kind == "features":
                self._count(response.features.received_samples, configured)
                frames = audio_log.new_frames(response.features, FRAME_BYTES)
                if frames is None:
                    raise errors.FrontendLostError("The frontend left frames out. Open a new stream.")
                if frames:
                    frontend.progressed()
                    await decoder.write(decoder_pb2.DecodeRequest(features=frames))
            elif kind == "barrier":
                barriers += 1
                audio_log.barrier_returned()
                if response.barrier != barriers or self._behind_barriers.peek() is None:
                    raise errors.FrontendLostError("The frontend mixed up its barriers. Open a new stream.")
                item = await self._behind_barriers.get()
                if isinstance(item, Ended):
                    break
                await decoder.write(convert.decoder_control(item.control))
            elif kind == "summary":
                frontend.expects_answer = False
                self._count(response.summary.samples, configured)
                break
        await self._end(decoder)

    def _count(self, received_samples: int, configured: Configured) -> None:
        if not configured.shape.is_pcm:
            self._lag.extracted(received_samples)
            self._intake.heard()
        if self._max_audio_s is not None and received_samples > self._max_audio_s * SAMPLE_RATE_HZ:
            raise errors.AudioTooLongError(
                f"The recording is longer than {self._max_audio_s:g} s: use StreamingRecognize."
            )

    async def _end(self, decoder: DecoderLink) -> None:
        decoder.expects_answer = True
        await decoder.write(decoder_pb2.DecodeRequest(end=speech_pb2.EndOfAudio()))
        await decoder.done_writing()

    async def _deliver(self, decoder: DecoderLink, decoder_log: DecoderLog, configured: Configured) -> None:
        delivered = Delivered()
        decoder.on_replay = delivered.rewind
        while (response := await decoder.read()) is not None:
            if response.HasField("resume"):
                decoder_log.settled(response.resume)
                decoder.progressed()
            if response.WhichOneof("response") == "mark":
                decoder_log.mark_returned()
            if not delivered.is_new(response):
                continue
            completed_at = self._lag.decoded(response.decoded_frames)
            public = self._public(response, configured)
            if public is not None:
                public.degraded = self._degraded
                decoder.progressed()
                await self._outbound.put(Outgoing(public, completed_at))

    def _public(
        self, response: decoder_pb2.DecodeResponse, configured: Configured
    ) -> speech_pb2.StreamingRecognizeResponse | None:
        public = convert.public_response(response)
        if not (response.HasField("resume") and configured.shape.is_pcm):
            return public
        if public is None:
            if not configured.resumable:
                return None
            public = speech_pb2.StreamingRecognizeResponse()
        assert self._model is not None
        rate_hz = configured.config.sample_rate_hz
        public.resume_point.CopyFrom(resume_point.public_point(response.resume, self._model, rate_hz))
        return public

    def _give_up_decoder(self) -> None:
        if self._decoder is not None:
            self._decoder.give_up(errors.DecoderLostError(self._silence("decoder")))

    def _give_up_frontend(self) -> None:
        if self._frontend is not None:
            self._frontend.give_up(errors.FrontendLostError(self._silence("frontend")))

    def _silence(self, service: str) -> str:
        timeout_s = self._settings.service_timeout_s
        return f"The {service} did not answer for {timeout_s:g} s. Open a new stream."

    def _decoder_silent_since(self) -> float | None:
        if self._decoder is None or self._outbound.full_since is not None:
            return None  # a client that does not read holds up the decoder, too
        since = self._decoder.silent_since
        return None if since is None else max(since, self._outbound.moved_at)

    def _frontend_silent_since(self) -> float | None:
        if self._frontend is None or self._decoder is None:
            return None
        if self._decoder.seeks or self._decoder.silent_since is not None:
            return None  # a decoder that takes nothing holds up the frontend, too
        since = self._frontend.silent_since
        return None if since is None else max(since, self._decoder.moved_at)


async def _send_audio(frontend: FrontendLink, held: list[bytes]) -> None:
    if held:
        audio = held[0] if len(held) == 1 else b"".join(held)
        held.clear()
        await frontend.write(frontend_pb2.ExtractRequest(audio=audio))
