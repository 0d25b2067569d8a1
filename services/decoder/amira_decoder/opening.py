"""Opening a stream in a lane: its config is checked, its search made ready, a slot lent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_decoder.frame_buffer import FRAME_MS
from amira_decoder.lane import Lane
from amira_decoder.load import Pace
from amira_decoder.results.endpoint import EndpointRules
from amira_decoder.resume import FROM_THE_START, ResumeFrom
from amira_decoder.search_thread import SearchThread
from amira_decoder.segment_tracker import SegmentTracker, TrackerOptions
from amira_decoder.settings import DecoderSettings
from amira_decoder.stream import DecodingStream, StreamLimits


async def open_in(
    lane: Lane,
    config: config_pb2.RecognitionConfig,
    resume: ResumeFrom,
    is_call_over: Callable[[], bool],
    settings: DecoderSettings,
    search_thread: SearchThread,
) -> DecodingStream:
    """See :meth:`amira_decoder.decoder.StreamingDecoder.open_stream`."""
    goes_on = resume is not FROM_THE_START
    lane.live.check_admission(goes_on=goes_on)
    if config.model not in ("", lane.model.name):
        raise errors.UnknownModelError(
            f"No model {config.model!r} here; this decoder serves {lane.model.name!r}."
        )
    search = lane.model.searches.for_config(config)
    options = await _tracker_options(lane, config, resume)
    encoder_frame_ms = lane.geometry.chunk_frames * FRAME_MS // lane.geometry.output_frames
    tracker = await search_thread.call(
        SegmentTracker, search, lane.model.folder.tokens, encoder_frame_ms, options
    )
    return lane.live.open(
        lambda slot: DecodingStream(
            stream_id=uuid.uuid4().hex,
            slot=slot,
            geometry=lane.geometry,
            tracker=tracker,
            limits=_limits(settings),
            wake_scheduler=lane.scheduler.wake,
            hurry_scheduler=lane.scheduler.hurry,
            resume=resume,
            pace=Pace(goes_on=goes_on),
        ),
        is_call_over,
        goes_on=goes_on,
    )


async def _tracker_options(
    lane: Lane, config: config_pb2.RecognitionConfig, resume: ResumeFrom
) -> TrackerOptions:
    searches = lane.model.searches
    method = searches.method_of(config)
    return TrackerOptions(
        endpoint=EndpointRules.from_config(config.endpoint),
        hotwords=await asyncio.to_thread(searches.hotwords, config.hotwords, method),
        interim_results=config.interim_results,
        word_times=config.word_times,
        max_alternatives=max(1, config.max_alternatives),
        segment_id=resume.segment_id,
        segment_start_frame=resume.segment_start_frame,
    )


def _limits(settings: DecoderSettings) -> StreamLimits:
    return StreamLimits(
        tail_frames=settings.tail_padding_ms // FRAME_MS,
        max_buffered_frames=int(settings.max_buffered_s * 1000) // FRAME_MS,
        max_pending_responses=settings.max_pending_responses,
        warm_up_frames=int(settings.warm_up_s * 1000) // FRAME_MS,
    )
