"""What this process holds, before and after."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from dataclasses import dataclass

from fuzz.worker import resident_mib

_MEMORY_LIMIT_MIB = 32
_SPARE_DESCRIPTORS = 4
_WINDOW_S = 1.5
"""Sessions that wait for their clients have ended by then."""
_SETTLE_S = 30.0


@dataclass(frozen=True)
class Held:
    """What this process holds."""

    tasks: int
    descriptors: int
    mib: float

    @classmethod
    def now(cls) -> Held:
        """As it is, but for memory that is free already and was only not given back yet."""
        ctypes.CDLL(None).malloc_trim(0)
        descriptors = len(os.listdir("/proc/self/fd"))
        return cls(len(asyncio.all_tasks()), descriptors, resident_mib())

    def leaked(self, since: Held) -> list[str]:
        """What there is more of than `since`, beyond what comes and goes."""
        found = []
        if self.tasks > since.tasks:
            found.append(f"{self.tasks - since.tasks} tasks more than when it was warm")
        if self.descriptors > since.descriptors + _SPARE_DESCRIPTORS:
            found.append(f"{self.descriptors - since.descriptors} descriptors more than when it was warm")
        if self.mib > since.mib + _MEMORY_LIMIT_MIB:
            found.append(f"{self.mib - since.mib:.0f} MiB more than when it was warm")
        return found


async def settled(since: Held | None) -> Held:
    """Once sessions that wait for their clients have ended."""
    deadline = time.monotonic() + _SETTLE_S
    await asyncio.sleep(_WINDOW_S)
    while since and Held.now().leaked(since) and time.monotonic() < deadline:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.5)
    return Held.now()
