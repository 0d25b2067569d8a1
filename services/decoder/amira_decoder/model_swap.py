"""Hot swap: new streams get the new model; the old one ends with the last stream that runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from amira_decoder.encoder.base import Encoder
from amira_decoder.lane import Lane
from amira_decoder.lanes import Lanes
from amira_decoder.search_thread import SearchThread
from amira_decoder.served_model import ServedModel, open_model
from amira_decoder.settings import DecoderSettings
from amira_encoder.model_watch import ModelWatch

_log = structlog.get_logger(__name__)

_LOOK_INTERVAL_S: Final = 2.0


class ModelSwap:
    """Follows the model folder: on request, and when its files change, if that is wanted."""

    def __init__(
        self,
        lanes: Lanes,
        settings: DecoderSettings,
        search_thread: SearchThread,
        make_encoder: Callable[[ServedModel], Encoder],
    ) -> None:
        self._lanes = lanes
        self._settings = settings
        self._search_thread = search_thread
        self._make_encoder = make_encoder
        self._watch = ModelWatch(settings.model_dir, settings.model_watch_s)

    def look_now(self) -> None:
        """Serves what is in the model folder now."""
        self._watch.look_now()

    async def follow_encoder(self) -> None:
        """Has the model folder looked at whenever the encoder came back with another model; never returns."""
        while True:
            await asyncio.sleep(_LOOK_INTERVAL_S)
            primary = self._lanes.primary
            if primary is not None and not primary.available and primary.encoder.runs_other_model:
                _log.warning("encoder_has_other_model", model_version=primary.model.version)
                self._watch.look_now()
            del primary  # this frame lives as long as the decoder, a lane may not

    async def run(self) -> None:
        """Swaps whenever there is something new; never returns."""
        while True:
            await self._watch.changed()
            if self._lanes.primary is None:
                _log.warning("model_not_swapped", problem="no model is served yet")
                continue
            try:
                await self._swap(self._lanes.primary)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the old model goes on
                _log.error(
                    "model_refused",
                    problem=str(error) or type(error).__name__,
                    kept=self._lanes.primary.model.version,
                )

    async def _swap(self, before: Lane) -> None:
        """Raises whatever a model can be broken in."""
        model = await open_model(self._settings)
        if model.key == before.model.key:
            _log.info("model_unchanged", model=model.name, model_version=model.version)
            return
        lane = await self._lane_for(model)
        if lane not in self._lanes.all:
            self._lanes.add(lane)
        self._lanes.make_primary(lane)
        _log.info(
            "model_swapped",
            model=model.name,
            model_version=model.version,
            before=before.model.version,
            streams_left=before.live.count,
        )

    async def _lane_for(self, model: ServedModel) -> Lane:
        """One table of slots must not be lent twice: an encoder that runs already is shared."""
        for lane in self._lanes.all:
            if lane.degraded or lane.model.encoder_fingerprint != model.encoder_fingerprint:
                continue
            if lane.model.key == model.key:
                return lane  # going back to a model that some streams still have
            return await Lane.open_beside(lane, model, self._search_thread, self._settings)
        encoder = self._make_encoder(model)
        try:
            return await Lane.open(model, encoder, self._search_thread, self._settings)
        except BaseException:
            await encoder.close()
            raise
