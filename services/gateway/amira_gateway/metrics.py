"""The gateway's metrics: what events count, and what is read when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from amira.asr.v1 import speech_pb2
from amira_core import errors
from amira_core.metrics.exemplar import current_exemplar
from amira_core.metrics.registry import BoundedLabel, counter, histogram
from amira_core.metrics.schema import Gateway

_MOST_TENANTS = 100

_ADMITTED = counter(Gateway.STREAMS_ADMITTED)
_REFUSED = counter(Gateway.STREAMS_REFUSED)
_ENDED = counter(Gateway.STREAMS_ENDED)
_DURATION = histogram(Gateway.STREAM_DURATION)
_RESUMES = counter(Gateway.RESUMES)
_MOVES = counter(Gateway.MOVES)
_MOVES_FAILED = counter(Gateway.MOVES_FAILED)
_RECOVERY = histogram(Gateway.RECOVERY)
_REPLAYED = counter(Gateway.REPLAYED)
_MESSAGES = counter(Gateway.MESSAGES)
_AUDIO = counter(Gateway.AUDIO)
_TENANT_AUDIO = counter(Gateway.TENANT_AUDIO)
_RESULTS = counter(Gateway.RESULTS)
_WORDS = counter(Gateway.WORDS)
_LATENCY = histogram(Gateway.RESULT_LATENCY)
_LAG = histogram(Gateway.LAG)
_LIVE = _LATENCY.labels("live"), _LAG.labels("live")
_AHEAD = _LATENCY.labels("ahead"), _LAG.labels("ahead")
CLIENT_STALLS = counter(Gateway.CLIENT_STALLS)
INTERIMS_DROPPED = counter(Gateway.INTERIMS_DROPPED)

# Series that are needed for every message are looked up once.
_FINALS, _INTERIMS = _RESULTS.labels("final"), _RESULTS.labels("interim")
RECEIVED, SENT = _MESSAGES.labels("received"), _MESSAGES.labels("sent")
RESUMED, RESUME_LOST = _RESUMES.labels("resumed"), _RESUMES.labels("lost")

_tenant_label = BoundedLabel(_MOST_TENANTS)


def stream_admitted() -> None:
    """The first response is about to leave."""
    _ADMITTED.inc()


def stream_ended(admitted: bool, status: str, duration_s: float) -> None:
    """`status`: OK, CANCELLED, or the reason of the error."""
    if admitted:
        _ENDED.labels(status).inc()
        _DURATION.observe(duration_s)
    else:
        refused(status)


def refused(reason: str) -> None:
    """A stream ended before its first response."""
    _REFUSED.labels(reason).inc()


@contextmanager
def refusals() -> Iterator[None]:
    """Counts a stream that the block refuses: one that has no session yet."""
    try:
        yield
    except errors.AmiraError as error:
        refused(error.reason)
        raise


def response_leaves(
    response: speech_pb2.StreamingRecognizeResponse, latency_s: float | None, lag_s: float, *, is_live: bool
) -> None:
    """A response is sent for the first time. Called once per chunk and stream: must cost next to nothing.

    `is_live`: the stream's audio comes no faster than people speak.
    """
    latency, lag = _LIVE if is_live else _AHEAD
    lag.observe(lag_s)
    if response.WhichOneof("response") != "result":
        return
    if latency_s is not None:
        latency.observe(latency_s, current_exemplar())
    result = response.result
    if result.is_final:
        _FINALS.inc()
        _WORDS.inc(result.stable_words)
    else:
        _INTERIMS.inc()


def heard(seconds: float, tenant: str) -> None:
    """Audio came; `tenant` is empty where calls have none."""
    _AUDIO.inc(seconds)
    if tenant:
        _TENANT_AUDIO.labels(_tenant_label(tenant)).inc(seconds)


def moved(service: str, cause: str) -> None:
    """A stream goes on at another replica of `service`."""
    _MOVES.labels(service, cause).inc()


def replayed(service: str) -> None:
    """A message is sent once more."""
    _REPLAYED.labels(service).inc()


@contextmanager
def recovering(service: str) -> Iterator[None]:
    """Times the block, which finds another replica for a stream that lost its own, or raises."""
    began_at = time.monotonic()
    try:
        yield
    except errors.AmiraError:
        _MOVES_FAILED.labels(service).inc()
        raise
    _RECOVERY.labels(service).observe(time.monotonic() - began_at)
