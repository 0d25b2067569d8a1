"""Whether a call that was refused, or found nobody, is tried again before its user hears of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from amira_client.errors import AmiraClientError, ServerError
from amira_client.resuming import Backoff, is_loss

_MOST_JITTER = 0.25


@dataclass(frozen=True)
class Retrying:
    """Settings.

    Attributes:
        for_s: how long a call that has not begun may wait for a server that takes it. The server's own
            advice (RetryInfo) is kept: nobody asks again before it says.
    """

    for_s: float = 30.0


class Pause:
    """The pauses between attempts: growing, with jitter, never shorter than servers advise."""

    def __init__(self) -> None:
        self._backoff = Backoff()
        self._advised_s = 0.0

    def advise(self, error: AmiraClientError) -> None:
        """Takes note of what a server has said since the last pause."""
        self._advised_s = max(self._advised_s, error.retry_after_s or 0.0)

    def next_s(self) -> float:
        """How long to wait now."""
        # Only ever longer: who comes back early is refused again.
        advised_s = self._advised_s * random.uniform(1, 1 + _MOST_JITTER)  # noqa: S311 - jitter, no secret
        self._advised_s = 0.0
        return max(self._backoff.next_s(), advised_s)


def can_begin_later(error: ServerError) -> bool:
    """Whether a call that could not begin because of `error` may begin if it is tried again."""
    return error.retry_after_s is not None or is_loss(error)
