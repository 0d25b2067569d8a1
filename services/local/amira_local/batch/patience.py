"""Whether a stream that failed is worth another attempt, and when."""

from __future__ import annotations

import asyncio
import random

import grpc

from amira_client import AmiraClientError, ServerError, UnreachableError
from amira_client.resuming import is_loss

LOST_FOR_S = 120.0
"""How long a server that was there may be gone."""
MOST_ATTEMPTS = 5
"""A recording whose stream is lost again and again may be what brings servers down."""

CONCERNS_ALL = frozenset(
    {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNKNOWN_MODEL", "BAD_HOTWORDS", "BAD_SETTING"}
)
"""Reasons for which no other recording would fare better."""


class Patience:
    """One for all streams of a run: what one of them learns of the server holds for all."""

    def __init__(self, lost_for_s: float = LOST_FOR_S) -> None:
        self._lost_for_s = lost_for_s
        self._answered_at: float | None = None

    def answered(self) -> None:
        """The server has said something."""
        self._answered_at = asyncio.get_running_loop().time()

    def wait_s(self, error: AmiraClientError, attempt: int) -> float | None:
        """How long to wait after attempt number `attempt` (from 1); None: it is of no use.

        A refusal that names a time is waited for however often it comes: the server works, on other streams.
        """
        if not isinstance(error, ServerError):
            return None
        if error.status is grpc.StatusCode.RESOURCE_EXHAUSTED and error.retry_after_s is not None:
            self.answered()
            return (error.retry_after_s or 1.0) * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, no secret
        if not is_loss(error):
            return None
        if not self._is_there_again_soon() or (
            not isinstance(error, UnreachableError) and attempt >= MOST_ATTEMPTS
        ):
            return None
        backoff_s: float = min(0.5 * 2 ** (attempt - 1), 5.0)
        return max(error.retry_after_s or 0.0, backoff_s)

    def _is_there_again_soon(self) -> bool:
        """False where nobody has ever answered, or not for too long."""
        now = asyncio.get_running_loop().time()
        return self._answered_at is not None and now - self._answered_at < self._lost_for_s
