"""A lane: one encoder with the search side of its model, and the streams that run there.

A decoder has one lane most of the time. It has a second one while a model is being replaced (streams that
run keep the old one) and while Triton is gone (streams run on the engine in this process). A stream
stays in its lane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira_decoder.encoder.base import Encoder, EncoderBatch, EncoderGeometry
from amira_decoder.frame_buffer import FRAME_MS, SILENCE_LOG_MEL
from amira_decoder.live_streams import LiveStreams
from amira_decoder.load import LoadAdmission, LoadMeter
from amira_decoder.results.word_messages import duration
from amira_decoder.scheduler import Scheduler
from amira_decoder.search_thread import SearchThread
from amira_decoder.served_model import ServedModel
from amira_decoder.settings import DecoderSettings
from amira_decoder.slots import SlotPool


class Lane:
    """Made by :meth:`open`, which connects and warms up."""

    def __init__(
        self,
        model: ServedModel,
        encoder: Encoder,
        geometry: EncoderGeometry,
        slots: SlotPool,
        search_thread: SearchThread,
        settings: DecoderSettings,
        *,
        degraded: bool,
    ) -> None:
        """`degraded`: it stands in for Triton."""
        self.model = model
        self.encoder = encoder
        self.geometry = geometry
        self.degraded = degraded
        self.meter = LoadMeter()
        self.meter.begin(geometry.chunk_frames * FRAME_MS / 1000)
        self.load_admission = LoadAdmission(self.meter, settings.target_load, settings.untried_streams)
        self.scheduler = Scheduler(encoder, search_thread, self.meter)
        self.live = LiveStreams(slots, self.scheduler, self.load_admission)
        self._slot_check_interval_s = settings.slot_check_interval_s
        self._openings = 0
        self._opened = asyncio.Event()

    @classmethod
    async def open(
        cls,
        model: ServedModel,
        encoder: Encoder,
        search_thread: SearchThread,
        settings: DecoderSettings,
        *,
        degraded: bool = False,
    ) -> Lane:
        """Connects the encoder and decodes a chunk of silence with every search of the model.

        The searches are made on a thread of their own: streams of other lanes are decoded meanwhile.

        Raises:
            EncoderLostError: the encoder did not answer in time.
            EncoderModelError, EngineUnavailableError: it cannot run here.
            ModelFolderError, ValueError: the networks do not go together; engines raise others, too.
        """
        geometry = await encoder.connect()
        slots = SlotPool(encoder.slots)
        await asyncio.to_thread(model.warm_up, await _silence(encoder, geometry, slots))
        return cls(model, encoder, geometry, slots, search_thread, settings, degraded=degraded)

    @classmethod
    async def open_beside(
        cls, other: Lane, model: ServedModel, search_thread: SearchThread, settings: DecoderSettings
    ) -> Lane:
        """A lane for a model with the same encoder as the other lane's: they share it and its slots.

        Raises as :meth:`open`.
        """
        slots = other.live.slots.share()
        with other.opening():  # it must not end, and its encoder with it
            await asyncio.to_thread(model.warm_up, await _silence(other.encoder, other.geometry, slots))
        return cls(
            model, other.encoder, other.geometry, slots, search_thread, settings, degraded=other.degraded
        )

    @property
    def available(self) -> bool:
        """Whether new streams can be opened here as far as the encoder is concerned."""
        return self.scheduler.encoder_available

    @property
    def load(self) -> float:
        """Share of the time that the open streams need (1: all of it); 0 while that is not known."""
        return self.meter.load(self.live.count) if self.live.count else 0.0

    @property
    def on_change(self) -> Callable[[], None]:
        """Called when :attr:`available` has changed."""
        return self.scheduler.on_encoder_change

    @on_change.setter
    def on_change(self, call: Callable[[], None]) -> None:
        self.scheduler.on_encoder_change = call

    def model_info(self, language_code: str) -> config_pb2.ModelInfo:
        """What clients are told."""
        geometry = self.geometry
        look_ahead_frames = geometry.window_frames - geometry.chunk_frames + geometry.delay_frames
        return config_pb2.ModelInfo(
            name=self.model.name,
            version=self.model.version,
            language_code=language_code,
            chunk_duration=duration(geometry.chunk_frames * FRAME_MS),
            look_ahead=duration(look_ahead_frames * FRAME_MS),
        )

    async def run(self) -> None:
        """Decodes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.scheduler.run(), name="scheduler")
            tasks.create_task(self.live.watch_slots(self._slot_check_interval_s), name="slots")

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Keeps the lane from being taken for unused while a stream is about to be opened."""
        self._openings += 1
        try:
            yield
        finally:
            self._openings -= 1
            self._opened.set()

    @property
    def in_use(self) -> bool:
        """Whether a stream is open, or about to be."""
        return bool(self._openings or self.live.count)

    async def until_unused(self) -> None:
        """Waits until no stream is open, nor about to be."""
        while self.in_use:
            self._opened.clear()
            if self._openings:
                await self._opened.wait()
            else:
                await self.live.until_none_is_left()


async def _silence(encoder: Encoder, geometry: EncoderGeometry, slots: SlotPool) -> NDArray[np.float32]:
    """Encoder frames of one chunk of silence."""
    slot = slots.allocate()
    shape = (1, geometry.window_frames, geometry.feature_dim)
    try:
        output = await encoder.step(
            EncoderBatch(
                features=np.full(shape, SILENCE_LOG_MEL, np.float32),
                slots=np.array([slot.index], np.int32),
                generations=np.array([slot.generation], np.int64),
                reset=np.array([True]),
            )
        )
    finally:
        slots.release(slot)
    return output.frames
