"""Timers over something that may be waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def watch(
    waiting_since: Callable[[], float | None], timeout_s: float, on_timeout: Callable[[], None]
) -> None:
    """Calls `on_timeout` whenever something has been waiting for `timeout_s`. Ends by what that raises.

    Reads are never timed out themselves: that would destroy the call. Looks again when the timeout
    could first be over, and at least four times per timeout, so it fires at most a quarter late. After
    a standstill of this process another quarter goes by first: what came meanwhile is yet to be read.

    Args:
        waiting_since: monotonic time since when; None while nothing waits.
    """
    while True:
        since = waiting_since()
        remaining_s = timeout_s if since is None else since + timeout_s - time.monotonic()
        if remaining_s <= 0:
            on_timeout()
            remaining_s = timeout_s
        pause_s = min(remaining_s, timeout_s / 4)
        looks_again_at = time.monotonic() + pause_s
        await asyncio.sleep(pause_s)
        if time.monotonic() > looks_again_at + timeout_s / 4:
            await asyncio.sleep(timeout_s / 4)
