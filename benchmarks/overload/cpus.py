"""Processor time of the client and the services, window by window."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.overload.phase import Window

CLIENT = "load client"
"""Its name among the services'."""


async def by_window(
    windows: Sequence[Window], read: Callable[[], Mapping[str, float]]
) -> dict[Window, dict[str, float]]:
    """CPUs used in each window, on average. Windows count from now; `read` gives CPU seconds so far."""
    zero = time.monotonic()
    read_at: dict[float, tuple[float, Mapping[str, float]]] = {}
    for moment in sorted({each for window in windows for each in (window.begin, window.end)}):
        await asyncio.sleep(zero + moment - time.monotonic())
        read_at[moment] = time.monotonic(), read()

    def used(window: Window) -> dict[str, float]:
        (begin, before), (end, after) = read_at[window.begin], read_at[window.end]
        return {name: (after[name] - before[name]) / (end - begin) for name in after}

    return {window: used(window) for window in windows}


def average(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Of windows of the same length."""
    all_parts = list(parts)
    return {name: round(sum(part[name] for part in all_parts) / len(all_parts), 4) for name in all_parts[0]}


def client_and_services(used: Mapping[str, float]) -> tuple[float, float]:
    """The client's, and all others' together."""
    return used[CLIENT], sum(cpus for name, cpus in used.items() if name != CLIENT)
