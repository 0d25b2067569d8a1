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
        stream: FeatureStream | None = None
        meter: metrics.StreamMeter | None = None
        async for request in requests:
            kind = request.WhichOneof("request")
            if stream is None or meter is None:
                if kind != "format":
                    raise ConfigMissingError("The first message must be the format.")
                stream = FeatureStream(request.format)
                meter = metrics.StreamMeter(request.format.encoding)
                _log.debug("stream_opened", encoding=request.format.encoding)
                stream_trace().at_end(partial(_summary, stream))
            elif kind == "audio":
                metrics.RECEIVED.inc(len(request.audio))
                await self._send_features(stream, meter.measured(stream.steps(request.audio)), out)
            elif kind == "barrier":
                await out.write(_Response(barrier=request.barrier))
            elif kind == "end":
                await self._send_features(stream, meter.measured(stream.finish_steps()), out)
                summary = frontend_pb2.ExtractSummary(frames=stream.frames, samples=stream.samples)
                await out.write(_Response(summary=summary))
                return
            elif kind == "format":
                raise ConfigRepeatedError("The format was sent twice.")
            else:
                raise ProtocolError("A message was empty: set format, audio, barrier or end.")

    async def _send_features(self, stream: FeatureStream, steps: Iterable[Float32s], out: OpenStream) -> None:
        """Sends the features of all steps: one message, or one per time slice if they take longer."""
        first, parts, started = stream.frames, list[Float32s](), time.monotonic()
        for frames in steps:
            if len(frames):
                parts.append(frames)
            late = time.monotonic() - started >= self._slice_s
            if parts and (late or stream.frames - first >= _MAX_FRAMES_PER_MESSAGE):
                await out.write(_message(stream, first, parts))
                first, parts = stream.frames, []
            if late:
                await asyncio.sleep(0)
                started = time.monotonic()
        if parts:
            await out.write(_message(stream, first, parts))


def _summary(stream: FeatureStream) -> dict[str, Value]:
    return {"frames": stream.frames, "audio_s": round(stream.received_samples / 16_000, 3)}


def _message(stream: FeatureStream, first_frame: int, parts: list[Float32s]) -> _Response:
    features = frontend_pb2.Features(
        frames=b"".join(part.data for part in parts),
        first_frame=first_frame,
        received_samples=stream.received_samples,
    )
    return _Response(features=features)
