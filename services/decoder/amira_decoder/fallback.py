"""Degraded mode: while Triton is gone for long, new streams run on the engine in this process.

They are few, for the engine is slower and shares the CPUs with the search. It is the same engine in the same
precision as Triton's where this machine has it, so that streams which go on here get the words that they
would have had. When Triton answers again, new streams go there; those that are here end here.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

import structlog

from amira_decoder.encoder.in_process import InProcessEncoder
from amira_decoder.lane import Lane
from amira_decoder.lanes import Lanes
from amira_decoder.search_thread import SearchThread
from amira_decoder.served_model import ServedModel
from amira_decoder.settings import DecoderSettings
from amira_encoder.engine import engine_and_precision
from amira_encoder.errors import EngineUnavailableError

_log = structlog.get_logger(__name__)


class Fallback:
    """Opens and retires the lane that stands in for Triton."""

    def __init__(
        self,
        lanes: Lanes,
        settings: DecoderSettings,
        search_thread: SearchThread,
        get_model: Callable[[], ServedModel],
    ) -> None:
        """`get_model` gives the model of new streams."""
        self._lanes = lanes
        self._settings = settings
        self._search_thread = search_thread
        self._get_model = get_model
        self._lane: weakref.ref[Lane] | None = None

    async def run(self) -> None:
        """Watches the primary lane for ever."""
        while True:
            await self._lanes.until(lambda: not self._triton_available())
            starting = self._lanes.primary is None
            after_s = (
                self._settings.degraded_at_start_after_s if starting else self._settings.degraded_after_s
            )
            try:
                async with asyncio.timeout(after_s):
                    await self._lanes.until(self._triton_available)
            except TimeoutError:
                await self._stand_in(self._get_model())

    def _triton_available(self) -> bool:
        primary = self._lanes.primary
        return primary is not None and primary.available

    async def _stand_in(self, model: ServedModel) -> None:
        """Opens the lane, and retires it when Triton answers again."""
        try:
            lane = self._latest(model) or await self._open(model)
        except Exception as error:  # noqa: BLE001 - engines' own exceptions have no common base
            _log.error("degraded_mode_impossible", problem=str(error))
            await self._lanes.until(self._triton_available)
            return
        if lane not in self._lanes.all:
            self._lanes.add(lane)
        self._lane = weakref.ref(lane)
        self._lanes.standby = lane
        self._lanes.changed()
        _log.warning(
            "degraded",
            engine=lane.encoder.engine,
            streams=lane.live.slots.total,
            hint="Triton cannot be reached: new streams run in this process, a few at a time",
        )
        await self._lanes.until(self._triton_available)
        self._lanes.standby = None
        self._lanes.retire(lane)
        self._lanes.changed()
        _log.info("degraded_mode_over", streams_left=lane.live.count)

    def _latest(self, model: ServedModel) -> Lane | None:
        """The lane of the last time, where streams still run in it: a second one would double the load."""
        lane = self._lane() if self._lane is not None else None
        return lane if lane is not None and lane in self._lanes.all and lane.model is model else None

    def _tritons_engine(self) -> str:
        """Empty while Triton has never answered."""
        primary = self._lanes.primary
        return primary.encoder.engine if primary is not None else ""

    async def _open(self, model: ServedModel) -> Lane:
        wanted = self._tritons_engine()
        engine, precision = engine_and_precision(wanted) if wanted else ("auto", "auto")
        if self._settings.in_process_engine != "auto":
            engine, precision = self._settings.in_process_engine, "auto"
        try:
            lane = await self._open_with(model, engine, precision)
        except EngineUnavailableError:
            lane = await self._open_with(model, "auto", "auto")
        if wanted and lane.encoder.engine != wanted:
            _log.warning(
                "degraded_engine_differs",
                triton=wanted,
                here=lane.encoder.engine,
                hint="streams that go on here may get slightly other words than in Triton",
            )
        return lane

    async def _open_with(self, model: ServedModel, engine: str, precision: str) -> Lane:
        encoder = InProcessEncoder(
            model.folder.path,
            slots=self._settings.degraded_streams,
            engine=engine,
            threads=self._settings.in_process_threads,
            precision=precision,
            fingerprint=model.encoder_fingerprint,
        )
        try:
            return await Lane.open(model, encoder, self._search_thread, self._settings, degraded=True)
        except BaseException:
            await encoder.close()
            raise
