"""Waiting for a service that was just started, and what to say of one that does not get ready."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from amira_core.rpc.server import cancel_and_wait
from amira_local.health import Probe
from amira_local.process import ServiceProcess, describe_exit


async def problem_at_start(
    process: ServiceProcess, needed: Iterable[ServiceProcess], probe: Probe, timeout_s: float
) -> str:
    """Returns once the probe finds the service ready (empty), or why it cannot be.

    That is so when it or one of the `needed` has died, or when it takes more than `timeout_s` seconds.
    """
    deaths = {asyncio.create_task(each.wait()): each for each in (process, *needed)}
    healthy = asyncio.create_task(probe.wait())
    try:
        await asyncio.wait((*deaths, healthy), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for death, dead in deaths.items():
            if death.done():
                return _died(dead, death.result())
        return "" if healthy.done() else _too_slow(process, timeout_s, probe.problem)
    finally:
        await cancel_and_wait((*deaths, healthy))


def _died(process: ServiceProcess, status: int) -> str:
    return f"The {process.name} died at start ({describe_exit(status)}). {_last_words(process)}"


def _too_slow(process: ServiceProcess, timeout_s: float, problem: str) -> str:
    return f"The {process.name} was not ready within {timeout_s:g} s ({problem}). {_last_words(process)}"


def _last_words(process: ServiceProcess) -> str:
    if not process.recent_lines:
        return "It wrote nothing."
    return "Its last lines:\n  " + "\n  ".join(process.recent_lines)
