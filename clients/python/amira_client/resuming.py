"""When and how long a stream that lost its server tries to go on."""

from __future__ import annotations

import random
from dataclasses import dataclass

import grpc

from amira_client.errors import ServerError

MOST_FRUITLESS = 4
"""Recoveries in a row that brought nothing new: audio that brings servers down must not go round them all."""

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 2.0
_BROKEN = ("Internal error from Core", "RST_STREAM", "Stream removed", "Socket closed", "Connection reset")


@dataclass(frozen=True)
class Resuming:
    """Settings.

    Attributes:
        for_s: how long a stream tries to go on, at any server, before it ends with the error that it
            was lost with.
        buffer_bytes: bound on audio kept for another server. PCM: what came since the last final (some 20 s
            more while words are found). Other formats: all since the start. A stream that needs more can
            only go on at its own server, while that keeps its session.
    """

    for_s: float = 30.0
    buffer_bytes: int = 32 * 1024 * 1024


class Backoff:
    """Delays between rounds of attempts, with jitter."""

    def __init__(self) -> None:
        self._delay_s = _FIRST_DELAY_S

    def next_s(self) -> float:
        """How long to wait now."""
        delay_s = self._delay_s * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
        self._delay_s = min(self._delay_s * 2, _LONGEST_DELAY_S)
        return delay_s


def is_loss(error: ServerError) -> bool:
    """Whether a stream that ended with `error` can go on elsewhere, or here later."""
    if error.status is grpc.StatusCode.UNAVAILABLE:
        return True
    return not error.reason and any(sign in error.message for sign in _BROKEN)


def is_unreachable(error: ServerError) -> bool:
    """Whether no connection was made at all: rather a wrong address than a loss."""
    return not error.reason and "failed to connect" in error.message


def may_pass(error: ServerError) -> bool:
    """Whether another attempt to go on can succeed where this one failed."""
    return is_loss(error) or error.status is grpc.StatusCode.RESOURCE_EXHAUSTED
