"""The frontend's metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from amira.asr.v1 import config_pb2
from amira_core.metrics.registry import Reading, counter
from amira_core.metrics.schema import Common, Frontend
from amira_core.rpc.server import RpcServer
from amira_frontend.fbank.tables import FRAME_SHIFT, SAMPLE_RATE_HZ
from amira_frontend.formats.base import Float32s

_PREFIX = "AUDIO_ENCODING_"
_FRAME_S = FRAME_SHIFT / SAMPLE_RATE_HZ

_STREAMS = counter(Frontend.STREAMS)
_AUDIO = counter(Frontend.AUDIO)
_WORK = counter(Frontend.WORK)
REFUSED = counter(Frontend.STREAMS_REFUSED)
RECEIVED = counter(Frontend.RECEIVED)
PEER_STALLS = counter(Frontend.PEER_STALLS)


class StreamMeter:
    """Counts one stream's audio and the time spent on it."""

    def __init__(self, encoding: config_pb2.AudioEncoding) -> None:
        """`encoding` must be a known one."""
        name = config_pb2.AudioEncoding.Name(encoding).removeprefix(_PREFIX)
        _STREAMS.labels(name).inc()
        self._audio, self._work = _AUDIO.labels(name), _WORK.labels(name)

    def measured(self, steps: Iterable[Float32s]) -> Iterator[Float32s]:
        """The same steps; what happens between them is not counted."""
        spent_s, frames = 0.0, 0
        iterator = iter(steps)
        try:
            while True:
                began_at = time.perf_counter()
                try:
                    step = next(iterator)
                except StopIteration:
                    return
                finally:
                    spent_s += time.perf_counter() - began_at
                frames += len(step)
                yield step
        finally:
            self._work.inc(spent_s)
            self._audio.inc(frames * _FRAME_S)


class _Streams(Protocol):
    @property
    def streams(self) -> int: ...


class FrontendReadings:
    """For :func:`amira_core.metrics.registry.reading`."""

    def __init__(self, server: RpcServer, servicer: _Streams, limit: int) -> None:
        self._server = server
        self._servicer = servicer
        self._limit = limit

    def read(self) -> Iterable[Reading]:
        """Everything, as it is now."""
        if self._server.has_port:  # without one it is part of a process whose port says whether it is ready
            yield Common.READY, float(self._server.ready)
        yield Frontend.STREAMS_ACTIVE, float(self._servicer.streams)
        yield Frontend.STREAMS_LIMIT, float(self._limit)
