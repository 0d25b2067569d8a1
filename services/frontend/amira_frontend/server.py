"""The gRPC service: one FeatureStream per call.

All work is done on the event loop. 100 ms of audio take 10 to 30 us (Opus: 0.5 ms), less than handing
them to a thread and back; a message with more is worked off in steps, and after every `time_slice_ms`
the other streams get their turn. More cores are used by more processes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Final

import grpc
import structlog

from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core.errors import (
    ConfigMissingError,
    ConfigRepeatedError,
    DrainingError,
    NoCapacityError,
    ProtocolError,
)
from amira_core.log_context import adopt_session
from amira_core.tracing.stream import Value, stream_trace
from amira_frontend import metrics
from amira_frontend.formats.base import Float32s
from amira_frontend.held_frames import HeldFrames
from amira_frontend.open_stream import OpenStream
from amira_frontend.pipeline import FeatureStream
from amira_frontend.settings import FrontendSettings

_log = structlog.get_logger(__name__)

_MAX_FRAMES_PER_MESSAGE: Final = 1000
"""10 s, 320 kB. A step adds at most 8 s to it, so that messages stay far below grpc's limit."""

_Request = frontend_pb2.ExtractRequest
_Response = frontend_pb2.ExtractResponse
_Context = grpc.aio.ServicerContext[_Request, _Response]


class FrontendServicer(frontend_pb2_grpc.FrontendServicer):
    """amira.frontend.v1.Frontend."""

    def __init__(self, settings: FrontendSettings) -> None:
        self._max_streams = settings.max_streams
        self._slice_s = settings.time_slice_ms / 1000
        self._stall_timeout_s = settings.stall_timeout_s
        self._open = set[OpenStream]()
        self._draining = False
        self._stream_over = asyncio.Event()

    @property
    def streams(self) -> int:
        """Streams that are open now."""
        return len(self._open)

    async def drain(self, timeout_s: float) -> None:
        """Refuses new streams, tells the running ones; returns when all have ended.

        Those that last longer than `timeout_s` seconds end with DrainingError, but for one whose peer does
        not read: that takes until it stalls.
        """
        self._draining = True
        for stream in self._open:
            stream.drain(timeout_s)
        while self._open:
            self._stream_over.clear()
            await self._stream_over.wait()

    def _forget(self, stream: OpenStream) -> None:
        self._open.discard(stream)
        self._stream_over.set()

    async def Extract(  # type: ignore[override]  # stubs know generators only, grpc also takes coroutines
        self, request_iterator: AsyncIterator[_Request], context: _Context
    ) -> None:
        adopt_session(context)
        if self._draining:
            metrics.REFUSED.labels(DrainingError.reason).inc()
            raise DrainingError("This frontend is about to stop. Open the stream at another one.")
        if self.streams >= self._max_streams:
            metrics.REFUSED.labels(NoCapacityError.reason).inc()
            raise NoCapacityError(f"All {self._max_streams} streams of this frontend are taken; try later.")
        stream = OpenStream(context, self._stall_timeout_s, self._forget)
        self._open.add(stream)
        async with stream:
            await self._extract(request_iterator, stream)

    async def _extract(self, requests: AsyncIterator[_Request], out: OpenStream) -> None:
        open_: _Extraction | None = None
        async for request in requests:
            kind = request.WhichOneof("request")
            if open_ is None:
                if kind != "format":
                    raise ConfigMissingError("The first message must be the format.")
                open_ = _Extraction(request.format, out, self._slice_s)
            elif kind == "audio":
                await open_.take_audio(request.audio)
            elif kind == "barrier":
                await open_.pass_barrier(request)
            elif kind == "end":
                await open_.finish()
                return
            elif kind == "format":
                raise ConfigRepeatedError("The format was sent twice.")
            else:
                raise ProtocolError("A message was empty: set format, audio, barrier or end.")


class _Extraction:
    """One stream whose format has come."""

    def __init__(self, audio_format: frontend_pb2.AudioFormat, out: OpenStream, slice_s: float) -> None:
        """Raises as FeatureStream."""
        self._stream = FeatureStream(audio_format)
        self._meter = metrics.StreamMeter(audio_format.encoding)
        self._out = out
        self._slice_s = slice_s
        chunks = audio_format.chunks if audio_format.HasField("chunks") else None
        self._held = HeldFrames(chunks, self._stream.frames)
        _log.debug("stream_opened", encoding=audio_format.encoding)
        stream_trace().at_end(partial(_summary, self._stream))

    async def take_audio(self, audio: bytes) -> None:
        """Sends the frames that the audio makes worth sending."""
        metrics.RECEIVED.inc(len(audio))
        await self._extract(self._stream.steps(audio))
        if self._held.due:
            await self._send()

    async def pass_barrier(self, request: _Request) -> None:
        """Sends the barrier back behind all frames of the audio before it."""
        await self._send()
        await self._out.write(_Response(barrier=request.barrier))
        if request.chunk_begins:
            self._held.chunk_begins()

    async def finish(self) -> None:
        """Sends the last frames and the totals."""
        await self._extract(self._stream.finish_steps())
        await self._send()
        summary = frontend_pb2.ExtractSummary(frames=self._stream.frames, samples=self._stream.samples)
        await self._out.write(_Response(summary=summary))

    async def _extract(self, steps: Iterable[Float32s]) -> None:
        """Does all steps; sends in between what is much, or late and worth sending."""
        started = time.monotonic()
        for frames in self._meter.measured(steps):
            self._held.add(frames)
            late = time.monotonic() - started >= self._slice_s
            if len(self._held) >= _MAX_FRAMES_PER_MESSAGE or (late and self._held.due):
                await self._send()
            if late:
                await asyncio.sleep(0)
                started = time.monotonic()

    async def _send(self) -> None:
        if len(self._held):
            await self._out.write(self._held.take(self._stream.received_samples))


def _summary(stream: FeatureStream) -> dict[str, Value]:
    return {"frames": stream.frames, "audio_s": round(stream.received_samples / 16_000, 3)}
