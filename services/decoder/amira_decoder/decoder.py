"""Puts the decoder together: model, encoder, slots, searches, scheduler; opens and closes streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder.controls import Update
from amira_decoder.encoder.base import Encoder
from amira_decoder.encoder.in_process import InProcessEncoder
from amira_decoder.encoder.triton import TritonEncoder
from amira_decoder.fallback import Fallback
from amira_decoder.lane import Lane
from amira_decoder.lanes import Lanes
from amira_decoder.model_swap import ModelSwap
from amira_decoder.opening import open_in
from amira_decoder.results.endpoint import EndpointRules
from amira_decoder.resume import FROM_THE_START, ResumeFrom
from amira_decoder.search_thread import SearchThread
from amira_decoder.served_model import ServedModel
from amira_decoder.settings import DecoderSettings
from amira_decoder.stream import DecodingStream

_log = structlog.get_logger(__name__)


class StreamingDecoder:
    """The decoder without its gRPC face: open a stream, feed it, read it, close it."""

    def __init__(self, settings: DecoderSettings) -> None:
        """Opens the model folder. Raises ModelFolderError."""
        self._settings = settings
        self._first_model: ServedModel | None = ServedModel(settings)
        self._search_thread = SearchThread()
        self._lanes = Lanes(settings.model_keep_s)
        self._swap = ModelSwap(self._lanes, settings, self._search_thread, self._make_encoder)
        self._fallback = Fallback(self._lanes, settings, self._search_thread, lambda: self._model)
        self._draining = False
        self._encoder: Encoder | None = None

    @property
    def lanes(self) -> Lanes:
        """Where streams run."""
        return self._lanes

    @property
    def model_info(self) -> config_pb2.ModelInfo:
        """The model of new streams; its chunk times are known once the encoder answered."""
        lane = self._lanes.current or self._lanes.primary
        if lane is not None:
            return lane.model_info(self._settings.language_code)
        return config_pb2.ModelInfo(
            name=self._model.name,
            version=self._model.version,
            language_code=self._settings.language_code,
        )

    def model_of(self, stream: DecodingStream) -> config_pb2.ModelInfo:
        """The model of an open stream, which it keeps."""
        lane = self._lanes.of(stream)
        return self.model_info if lane is None else lane.model_info(self._settings.language_code)

    def is_degraded(self, stream: DecodingStream) -> bool:
        """Whether an open stream runs without Triton because Triton was gone."""
        lane = self._lanes.of(stream)
        return lane is not None and lane.degraded

    def describe(self) -> decoder_pb2.DescribeResponse:
        """Models, methods and slots, as the gateway asks for them."""
        lane = self._lanes.current or self._lanes.primary
        searches = self._model.searches
        described = decoder_pb2.DescribeResponse(
            models=[self.model_info],
            decoding_methods=searches.methods,
            max_hotwords=searches.max_hotwords,
        )
        described.degraded = self.degraded
        if lane is not None:
            others = sum(other.live.slots.used for other in self._lanes.all if other is not lane)
            described.slots_total = lane.live.slots.total + others
            described.slots_used = lane.live.slots.used + others
            described.slots_orphaned = self._lanes.orphaned
        return described

    @property
    def degraded(self) -> bool:
        """Whether new streams run without Triton because Triton is gone."""
        lane = self._lanes.current
        return lane is not None and lane.degraded

    @property
    def degraded_streams(self) -> int:
        """Open streams that run without Triton because Triton was gone."""
        return sum(lane.live.count for lane in self._lanes.all if lane.degraded)

    @property
    def degraded_streams_opened(self) -> int:
        """All streams so far that began, or went on here, without Triton."""
        return self._lanes.degraded_streams_opened

    @property
    def load(self) -> float:
        """Share of the time that the open streams need (1: all of it); 0 while that is not known."""
        return sum(lane.load for lane in self._lanes.all)

    async def run(self, on_ready: Callable[[bool], Awaitable[None]]) -> None:
        """Connects, warms up, says so, and decodes until cancelled.

        Args:
            on_ready: told True when streams can be served and False when they cannot (encoder lost).
        """
        self._encoder = self._make_encoder(self._model)
        has_fallback = self._settings.degraded != "off" and self._settings.encoder == "triton"
        primary = None if has_fallback else await self._open_primary(self._encoder)
        async with asyncio.TaskGroup() as tasks:
            self._lanes.start(tasks)
            tasks.create_task(self._tell_readiness(on_ready), name="readiness")
            if primary is not None:
                self._take_primary(primary)
                del primary  # this frame lives as long as the decoder, a lane may not
            else:
                tasks.create_task(self._fallback.run(), name="fallback")
                tasks.create_task(self._keep_opening_primary(self._encoder), name="connect")
            tasks.create_task(self._swap.run(), name="swap")
            tasks.create_task(self._swap.follow_encoder(), name="follow")

    def reload_model(self) -> None:
        """Looks at the model folder: new streams get what is there now, those that run keep theirs."""
        self._swap.look_now()

    async def open_stream(
        self,
        config: config_pb2.RecognitionConfig,
        resume: ResumeFrom = FROM_THE_START,
        is_call_over: Callable[[], bool] = lambda: False,
        model_version: str = "",
    ) -> DecodingStream:
        """Checks the config and lends a slot.

        Args:
            config: as it is in force where the stream goes on.
            resume: where that is, for a stream that another decoder began: it is taken as long as there are
                slots. FROM_THE_START itself (the very object) for one that begins.
            is_call_over: asked now and then: a stream whose call is over and that nobody closed is a defect.
            model_version: the only version that will do; empty: that of new streams.

        Raises:
            UnknownModelError, InvalidRequestError: the config cannot be served.
            NoCapacityError: every slot is lent, the decoder cannot keep up with more, or it runs another
                version of the model.
            DrainingError: the decoder is about to stop.
            ServiceUnavailableError: not warm yet; EncoderLostError: the encoder is gone.
        """
        if self._draining:
            raise errors.DrainingError("This decoder is shutting down; open the stream at another one.")
        if not self._lanes.all:
            raise errors.ServiceUnavailableError("The decoder is starting; try again shortly.")
        lane = self._lanes.choose(model_version)
        with lane.opening():
            stream = await open_in(lane, config, resume, is_call_over, self._settings, self._search_thread)
            self._lanes.note(stream, lane)
        return stream

    def close_stream(self, stream: DecodingStream) -> None:
        """Frees the stream's slot, however the stream ended. Harmless when called twice."""
        self._lanes.close_stream(stream)

    async def drain(self, timeout_s: float) -> None:
        """Refuses new streams, tells the open ones, and waits for them; after `timeout_s` they fail."""
        self._draining = True
        self._lanes.changed()
        _log.info("draining", streams=sum(lane.live.count for lane in self._lanes.all))
        await self._lanes.drain(timeout_s)

    async def parse_update(self, update: speech_pb2.UpdateConfig, stream: DecodingStream) -> Update:
        """Checks UPDATE_CONFIG against the stream it is for. Raises InvalidRequestError."""
        replace_hotwords = update.HasField("hotwords")
        hotwords, lane = None, self._lanes.of(stream)
        if replace_hotwords and lane is not None:
            hotwords = await asyncio.to_thread(
                lane.model.searches.hotwords, update.hotwords, stream.tracker.search.name
            )
        return Update(
            endpoint=EndpointRules.from_config(update.endpoint) if update.HasField("endpoint") else None,
            interim_results=update.interim_results if update.HasField("interim_results") else None,
            replace_hotwords=replace_hotwords,
            hotwords=hotwords,
        )

    async def close(self) -> None:
        """Lets go of the encoders and ends the search thread."""
        await self._lanes.close()
        if self._encoder is not None:
            await self._encoder.close()
        self._search_thread.shutdown()

    async def _open_primary(self, encoder: Encoder) -> Lane:
        return await Lane.open(self._model, encoder, self._search_thread, self._settings)

    @property
    def _model(self) -> ServedModel:
        """The model of new streams."""
        lane = self._lanes.current or self._lanes.primary
        model = self._first_model if lane is None else lane.model
        assert model is not None, "there is a lane, or the first model"
        return model

    def _take_primary(self, lane: Lane) -> None:
        self._lanes.add(lane)
        self._lanes.make_primary(lane)
        self._first_model = self._encoder = None  # they end with their lane
        _log.info(
            "ready",
            model=lane.model.name,
            model_version=lane.model.version,
            search=lane.model.searches.default_method,
            encoder=lane.encoder.name,
            slots=lane.live.slots.total,
        )

    async def _keep_opening_primary(self, encoder: Encoder) -> None:
        """Where the decoder can serve without Triton, it waits for Triton as long as it takes."""
        while self._lanes.primary is None:
            try:
                self._take_primary(await self._open_primary(encoder))
            except errors.EncoderLostError as error:
                _log.warning("encoder_missing", problem=error.message)

    async def _tell_readiness(self, on_ready: Callable[[bool], Awaitable[None]]) -> None:
        told = False
        while True:
            await self._lanes.until(lambda: self._can_serve() != told)  # noqa: B023 - awaited at once
            told = not told
            await on_ready(told)

    def _can_serve(self) -> bool:
        return self._lanes.current is not None and not self._draining

    def _make_encoder(self, model: ServedModel) -> Encoder:
        settings = self._settings
        if settings.encoder == "in_process":
            return InProcessEncoder(
                model.folder.path,
                slots=settings.in_process_slots,
                engine=settings.in_process_engine,
                threads=settings.in_process_threads,
                fingerprint=model.encoder_fingerprint,
            )
        return TritonEncoder(
            settings.triton_target,
            timeout_ms=settings.encoder_timeout_ms,
            connect_timeout_s=settings.model_swap_timeout_s,
            fingerprint=model.encoder_fingerprint,
        )
