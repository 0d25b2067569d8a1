"""Puts the decoder together: model, encoder, slots, searches, scheduler; opens and closes streams."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import structlog

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder.controls import Update
from amira_decoder.encoder.base import Encoder, EncoderBatch, EncoderGeometry
from amira_decoder.encoder.in_process import InProcessEncoder
from amira_decoder.encoder.triton import TritonEncoder
from amira_decoder.frame_buffer import FRAME_MS, SILENCE_LOG_MEL
from amira_decoder.live_streams import LiveStreams
from amira_decoder.load import LoadAdmission, LoadMeter, Pace
from amira_decoder.model.folder import TransducerFolder
from amira_decoder.results.endpoint import EndpointRules
from amira_decoder.resume import FROM_THE_START, ResumeFrom
from amira_decoder.scheduler import Scheduler
from amira_decoder.search.base import Search
from amira_decoder.searches import SearchSet
from amira_decoder.segment_tracker import SegmentTracker, TrackerOptions, duration
from amira_decoder.settings import DecoderSettings
from amira_decoder.slots import SlotPool
from amira_decoder.stream import DecodingStream, StreamLimits

_log = structlog.get_logger(__name__)


class StreamingDecoder:
    """The decoder without its gRPC face: open a stream, feed it, read it, close it."""

    def __init__(self, settings: DecoderSettings) -> None:
        """Opens the model folder. Raises ModelFolderError."""
        self._settings = settings
        self._folder = TransducerFolder.open(settings.model_dir)
        self._model_name = settings.model_name or self._folder.name
        self._search_thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._searches = SearchSet(self._folder, settings)
        self._encoder = _make_encoder(settings)
        self._meter = LoadMeter()
        self.load_admission = LoadAdmission(self._meter, settings.target_load, settings.untried_streams)
        self._scheduler = Scheduler(self._encoder, self._search_thread, self._meter)
        self._geometry: EncoderGeometry | None = None
        self._live: LiveStreams | None = None
        self._draining = False

    @property
    def model_info(self) -> config_pb2.ModelInfo:
        """What clients are told about the model; its chunk times are known once the encoder answered."""
        info = config_pb2.ModelInfo(
            name=self._model_name,
            version=self._folder.version,
            language_code=self._settings.language_code,
        )
        if self._geometry is not None:
            geometry = self._geometry
            info.chunk_duration.CopyFrom(duration(geometry.chunk_frames * FRAME_MS))
            look_ahead_frames = geometry.window_frames - geometry.chunk_frames + geometry.delay_frames
            info.look_ahead.CopyFrom(duration(look_ahead_frames * FRAME_MS))
        return info

    def describe(self) -> decoder_pb2.DescribeResponse:
        """Models, methods and slots, as the gateway asks for them."""
        described = decoder_pb2.DescribeResponse(
            models=[self.model_info],
            decoding_methods=self._searches.methods,
            max_hotwords=self._searches.max_hotwords,
        )
        if self._live is not None:
            described.slots_total = self._live.slots.total
            described.slots_used = self._live.slots.used
            described.slots_orphaned = self._live.orphaned
        return described

    @property
    def load(self) -> float:
        """Share of the time that the open streams need (1: all of it); 0 while that is not known."""
        return self._meter.load(self._live.count) if self._live is not None and self._live.count else 0.0

    async def run(self, on_ready: Callable[[bool], Awaitable[None]]) -> None:
        """Connects, warms up, says so, and decodes until cancelled.

        Args:
            on_ready: told True when streams can be served and False when they cannot (encoder lost).
        """
        self._geometry = await self._encoder.connect()
        slots = SlotPool(self._encoder.slots)
        await self._warm_up(self._geometry, slots)
        self._meter.begin(self._geometry.chunk_frames * FRAME_MS / 1000)
        self._live = LiveStreams(slots, self._scheduler, self.load_admission)
        _log.info(
            "ready",
            model=self._model_name,
            model_version=self._folder.version,
            search=self._searches.default_method,
            encoder=self._encoder.name,
            slots=slots.total,
        )

        async def tell(ready: bool) -> None:
            await on_ready(ready and not self._draining)

        await tell(True)
        self._scheduler.on_encoder_change = tell
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._scheduler.run(), name="scheduler")
            tasks.create_task(self._live.watch_slots(self._settings.slot_check_interval_s), name="slots")

    async def open_stream(
        self,
        config: config_pb2.RecognitionConfig,
        resume: ResumeFrom = FROM_THE_START,
        is_call_over: Callable[[], bool] = lambda: False,
    ) -> DecodingStream:
        """Checks the config and lends a slot.

        Args:
            config: as it is in force where the stream goes on.
            resume: where that is, for a stream that another decoder began: it is taken as long as there are
                slots. FROM_THE_START itself (the very object) for one that begins.
            is_call_over: asked now and then: a stream whose call is over and that nobody closed is a defect.

        Raises:
            UnknownModelError, InvalidRequestError: the config cannot be served.
            NoCapacityError: every slot is lent, or the decoder cannot keep up with more.
            DrainingError: the decoder is about to stop.
            ServiceUnavailableError: not warm yet; EncoderLostError: the encoder is gone.
        """
        geometry, live = self._geometry, self._live
        if geometry is None or live is None:
            raise errors.ServiceUnavailableError("The decoder is starting; try again shortly.")
        if not self._scheduler.encoder_available:
            raise errors.EncoderLostError("The encoder is restarting; try again shortly.")
        goes_on = resume is not FROM_THE_START
        live.check_admission(goes_on=goes_on)
        if config.model not in ("", self._model_name):
            raise errors.UnknownModelError(
                f"No model {config.model!r} here; this decoder serves {self._model_name!r}."
            )
        search = self._searches.for_config(config)
        options = await self._tracker_options(config, resume)
        loop = asyncio.get_running_loop()
        tracker = await loop.run_in_executor(self._search_thread, self._make_tracker, search, options)
        return live.open(
            lambda slot: DecodingStream(
                stream_id=uuid.uuid4().hex,
                slot=slot,
                geometry=geometry,
                tracker=tracker,
                limits=self._limits(),
                wake_scheduler=self._scheduler.wake,
                resume=resume,
                pace=Pace(goes_on=goes_on),
            ),
            is_call_over,
            goes_on=goes_on,
        )

    def close_stream(self, stream: DecodingStream) -> None:
        """Frees the stream's slot, however the stream ended. Harmless when called twice."""
        if self._live is not None:
            self._live.close(stream)

    async def drain(self, timeout_s: float) -> None:
        """Refuses new streams, tells the open ones, and waits for them; after `timeout_s` they fail."""
        self._draining = True
        if self._live is not None:
            _log.info("draining", streams=self._live.count)
            await self._live.drain(timeout_s)

    async def parse_update(self, update: speech_pb2.UpdateConfig, stream: DecodingStream) -> Update:
        """Checks UPDATE_CONFIG against the stream it is for. Raises InvalidRequestError."""
        replace_hotwords = update.HasField("hotwords")
        hotwords = None
        if replace_hotwords:
            hotwords = await asyncio.to_thread(
                self._searches.hotwords, update.hotwords, stream.tracker.search.name
            )
        return Update(
            endpoint=EndpointRules.from_config(update.endpoint) if update.HasField("endpoint") else None,
            interim_results=update.interim_results if update.HasField("interim_results") else None,
            replace_hotwords=replace_hotwords,
            hotwords=hotwords,
        )

    async def close(self) -> None:
        """Lets go of the encoder and ends the search thread."""
        await self._encoder.close()
        self._search_thread.shutdown(wait=False, cancel_futures=True)

    async def _tracker_options(
        self, config: config_pb2.RecognitionConfig, resume: ResumeFrom
    ) -> TrackerOptions:
        method = self._searches.method_of(config)
        return TrackerOptions(
            endpoint=EndpointRules.from_config(config.endpoint),
            hotwords=await asyncio.to_thread(self._searches.hotwords, config.hotwords, method),
            interim_results=config.interim_results,
            word_times=config.word_times,
            max_alternatives=max(1, config.max_alternatives),
            segment_id=resume.segment_id,
            segment_start_frame=resume.segment_start_frame,
        )

    def _make_tracker(self, search: Search, options: TrackerOptions) -> SegmentTracker:
        geometry = self._geometry
        assert geometry is not None
        encoder_frame_ms = geometry.chunk_frames * FRAME_MS // geometry.output_frames
        return SegmentTracker(search, self._folder.tokens, encoder_frame_ms, options)

    def _limits(self) -> StreamLimits:
        return StreamLimits(
            tail_frames=self._settings.tail_padding_ms // FRAME_MS,
            max_buffered_frames=int(self._settings.max_buffered_s * 1000) // FRAME_MS,
            max_pending_responses=self._settings.max_pending_responses,
            warm_up_frames=int(self._settings.warm_up_s * 1000) // FRAME_MS,
        )

    async def _warm_up(self, geometry: EncoderGeometry, slots: SlotPool) -> None:
        """Decodes one chunk of silence with every method: compiles kernels, loads libraries."""
        slot = slots.allocate()
        shape = (1, geometry.window_frames, geometry.feature_dim)
        try:
            output = await self._encoder.step(
                EncoderBatch(
                    features=np.full(shape, SILENCE_LOG_MEL, np.float32),
                    slots=np.array([slot.index], np.int32),
                    generations=np.array([slot.generation], np.int64),
                    reset=np.array([True]),
                )
            )
        finally:
            slots.release(slot)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._search_thread, self._searches.warm_up, output.frames)


def _make_encoder(settings: DecoderSettings) -> Encoder:
    if settings.encoder == "in_process":
        return InProcessEncoder(
            settings.model_dir,
            slots=settings.in_process_slots,
            engine=settings.in_process_engine,
            threads=settings.in_process_threads,
        )
    return TritonEncoder(settings.triton_target, timeout_ms=settings.encoder_timeout_ms)
