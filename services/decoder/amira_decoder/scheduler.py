"""The decoder's heart: one batch per tick for every stream that has a chunk.

Two stages overlap: while one batch is searched, the encoder computes the next.

    streams ──ready──► [collect] ──EncoderBatch──► Triton ──frames──► [search] ──► responses
                           ▲                                               │
                           └───────────── next tick, while this one is searched

A stream is in at most one batch per stage and batches keep their order, so its chunks are decoded in
order. Streams gather while the encoder is busy, and under load for a moment longer: a step over one chunk
costs half as much again as its share of a step over several. Where there is time for a step per chunk no
stream waits, and one that has been flushed or ended never does.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_core.incidents import incident
from amira_decoder import metrics
from amira_decoder.encoder.base import Encoder, EncoderBatch
from amira_decoder.job import Job
from amira_decoder.load.meter import LoadMeter
from amira_decoder.load.turns import take_jobs
from amira_decoder.search_step import search_step
from amira_decoder.search_thread import SearchThread
from amira_decoder.stream import DecodingStream
from amira_decoder.traces import in_tick, searching

_log = structlog.get_logger(__name__)

_MOST_GAP_S = 0.03
"""Under load steps begin at least so far apart: with 40 streams of 320 ms chunks, four chunks a step."""
_IDLE_LOAD, _FULL_GAP_LOAD = 0.05, 0.4
"""Shares of the time that steps over all streams take: up to the first there is time for a step per chunk and
no gap at all, from the second on the whole gap."""
_PROBE_INTERVAL_S = 0.2
_WATCH_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Encoded:
    jobs: Sequence[Job]
    frames: NDArray[np.float32]
    """float32 [jobs with a window, output_frames, output_dim]"""
    times: metrics.BatchTimes


class Scheduler:
    """Owns the live streams and moves them forward. :meth:`run` must be running for anything to happen."""

    def __init__(self, encoder: Encoder, search_thread: SearchThread, meter: LoadMeter | None = None) -> None:
        self._encoder = encoder
        self._meter = meter or LoadMeter()
        self._search_thread = search_thread
        self._streams: dict[str, DecodingStream] = {}
        self._work = asyncio.Event()
        self._go_on = asyncio.Event()
        self._encoded: asyncio.Queue[_Encoded] = asyncio.Queue(maxsize=1)
        self._answers = asyncio.Event()
        self._answers.set()
        self._lost = asyncio.Event()
        self._stepping = False
        self._steps = 0
        self._stepped_at = -math.inf
        self.on_encoder_change: Callable[[], None] = lambda: None
        """Called when :attr:`encoder_available` may have changed."""

    @property
    def encoder_available(self) -> bool:
        """False from the loss of the encoder until it answers again, and while it is about to stop."""
        return self._answers.is_set() and not self._encoder.draining

    @property
    def streams(self) -> Collection[DecodingStream]:
        """Those that take part."""
        return self._streams.values()

    def add(self, stream: DecodingStream) -> None:
        """Lets a stream take part."""
        self._streams[stream.stream_id] = stream

    def remove(self, stream: DecodingStream) -> None:
        """Forgets a stream; what is in flight for it is thrown away."""
        stream.abort()
        self._streams.pop(stream.stream_id, None)

    def wake(self) -> None:
        """Tells the scheduler that a stream may have become ready."""
        self._work.set()

    def hurry(self) -> None:
        """Tells the scheduler that a stream has become urgent: the next step waits for nobody."""
        self._go_on.set()

    async def run(self) -> None:
        """Runs both stages until cancelled."""
        async with asyncio.TaskGroup() as stages:
            stages.create_task(self._encode_loop(), name="encode")
            stages.create_task(self._search_loop(), name="search")
            stages.create_task(self._watch_encoder(), name="watch")

    async def _encode_loop(self) -> None:
        while True:
            await self._let_streams_gather()
            jobs = take_jobs(list(self._streams.values()), self._meter)
            if not jobs:
                self._work.clear()
                await self._work.wait()
                continue
            try:
                encoded = await self._encode(jobs)
            except errors.EncoderLostError as error:
                await self._survive_loss(error, jobs)
            except errors.InternalError as error:  # a batch that was refused changed no state
                for job in jobs:
                    job.stream.fail(error)
            else:
                await self._encoded.put(encoded)

    async def _let_streams_gather(self) -> None:
        early_s = self._stepped_at + self._gap_s() - time.monotonic()
        if early_s <= 0 or any(stream.is_urgent for stream in self._streams.values()):
            return
        self._go_on.clear()
        timer = asyncio.get_running_loop().call_later(early_s, self._go_on.set)
        try:
            await self._go_on.wait()
        finally:
            timer.cancel()

    def _gap_s(self) -> float:
        streams = len(self._streams)
        if streams < 2:
            return 0.0
        # Streams that are silent need nothing.
        load = self._meter.load(min(streams, math.ceil(self._meter.carried)))
        share = (load - _IDLE_LOAD) / (_FULL_GAP_LOAD - _IDLE_LOAD)
        return _MOST_GAP_S * min(1.0, max(0.0, share))

    async def _encode(self, jobs: list[Job]) -> _Encoded:
        with_window = [(job, job.window) for job in jobs if job.window is not None]
        if not with_window:
            return _Encoded(jobs, np.empty((0, 0, 0), np.float32), metrics.BatchTimes())
        times = metrics.BatchTimes(encoding_at=time.monotonic())
        self._stepped_at = times.encoding_at
        self._stepping = True
        try:
            output = await in_tick(jobs, self._encoder.step)(
                EncoderBatch(
                    features=np.stack([window for _, window in with_window]),
                    slots=np.array([job.stream.slot.index for job, _ in with_window], np.int32),
                    generations=np.array([job.stream.slot.generation for job, _ in with_window], np.int64),
                    reset=np.array([job.reset for job, _ in with_window], np.bool_),
                )
            )
            self._steps += 1
        finally:
            self._stepping = False
        times.encoded_at = time.monotonic()
        self._meter.encoded(len(with_window), times.encoded_at - times.encoding_at)
        metrics.encoded(len(with_window), times)
        for (job, _), accepted in zip(with_window, output.accepted, strict=True):
            if not accepted:
                job.stream.fail(
                    errors.EncoderLostError("The encoder restarted and lost this stream; start it again.")
                )
        return _Encoded(jobs, output.frames, times)

    async def _search_loop(self) -> None:
        while True:
            encoded = await self._encoded.get()
            searched = sum(job.window is not None and not job.warms_up for job in encoded.jobs)
            times = encoded.times
            times.searching_at = time.monotonic()
            try:
                with searching(encoded.jobs):
                    outcomes = await self._search_thread.step(
                        searched, search_step, encoded.jobs, encoded.frames
                    )
            except Exception as error:  # noqa: BLE001 - a defect must cost one batch, not the process
                defect = incident("search_failed", error)
                for job in encoded.jobs:
                    job.stream.fail(defect)
                continue
            times.searched_at = time.monotonic()
            self._meter.searched(searched, times.searched_at - times.searching_at)
            metrics.searched(encoded.jobs, times)
            for job, outcome in zip(encoded.jobs, outcomes, strict=True):
                job.stream.deliver(outcome.responses, outcome.ended)

    async def _survive_loss(self, error: errors.EncoderLostError, jobs: Sequence[Job]) -> None:
        """Fails every stream with state in the encoder, then waits until it answers again."""
        in_batch = {job.stream.stream_id for job in jobs}
        streams = [s for s in self._streams.values() if s.started or s.stream_id in in_batch]
        self._set_answers(False, error.message, len(streams))
        for stream in streams:
            stream.fail(error)
        await self._answers.wait()

    async def _watch_encoder(self) -> None:
        """Asks the encoder how it is: all the time while it is lost, otherwise every second.

        While steps go through or one is under way, no answer means only that the encoder is busy.
        """
        while True:
            steps, was_draining = self._steps, self._encoder.draining
            await self._pause()
            answers = await self._encoder.ready(has_streams=bool(self._streams))
            if not answers and (self._stepping or self._steps != steps):
                continue
            self._set_answers(answers, "It does not answer.")
            if self._encoder.draining != was_draining:
                self.on_encoder_change()
                if not was_draining:
                    self._let_streams_go()

    async def _pause(self) -> None:
        if self._lost.is_set():
            await asyncio.sleep(_PROBE_INTERVAL_S)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_WATCH_INTERVAL_S):
                await self._lost.wait()

    def _let_streams_go(self) -> None:
        """The encoder is about to stop: streams can move to another decoder before it does."""
        _log.warning("encoder_draining", streams=len(self._streams))
        for stream in self._streams.values():
            stream.deliver([decoder_pb2.DecodeResponse(draining=decoder_pb2.Draining())], ended=False)

    def _set_answers(self, answers: bool, problem: str = "", streams: int = 0) -> None:
        if answers == self._answers.is_set():
            return
        if answers:
            _log.info("encoder_back")
            self._lost.clear()
            self._answers.set()
        else:
            _log.error("encoder_lost", streams=streams, error=problem)
            metrics.ENCODER_LOSSES.inc()
            self._answers.clear()
            self._lost.set()
        self.on_encoder_change()
