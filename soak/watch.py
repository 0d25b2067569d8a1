"""What each process holds, read while the streams run: memory, descriptors, threads, tasks, slots."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from amira_local.stack import LocalStack
from benchmarks.machine import processes_below, usage

_PROC = Path("/proc")

TASKS = "tasks"
MEMORY = "memory, MiB"
DESCRIPTORS = "descriptors"
THREADS = "threads"
SLOTS = "slots used"
ORPHANS = "slots orphaned"
PLACES = "places held"

_HELD = (("decoder", SLOTS), ("decoder", ORPHANS), ("gateway", PLACES))
_UNUSED_WITHIN_S = 10.0

_FROM_METRICS = {
    "amira_asyncio_tasks": TASKS,
    "amira_decoder_slots_used": SLOTS,
    "amira_decoder_slots_orphaned": ORPHANS,
    "amira_gateway_streams_active": PLACES,
}


@dataclass(frozen=True)
class Sample:
    """All readings at one time."""

    at_s: float
    """Since the watch began."""
    readings: Mapping[tuple[str, str], float]
    """By service and quantity."""


class Watch:
    """Samples a stack."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._began_at = asyncio.get_running_loop().time()
        self.samples: list[Sample] = []

    async def run(self, every_s: float) -> None:
        """Samples until cancelled."""
        while True:
            self.samples.append(await self.read())
            await asyncio.sleep(every_s)

    async def read(self) -> Sample:
        """All readings now. Raises aiohttp.ClientError where a service does not answer."""
        readings: dict[tuple[str, str], float] = {}
        async with aiohttp.ClientSession() as http:
            for service, process in self._stack.processes.items():
                for quantity, value in _of_processes(processes_below(process.pid)).items():
                    readings[service, quantity] = value
                async with http.get(f"http://{self._stack.metrics[service]}/metrics") as answer:
                    text = await answer.text()
                for quantity, value in _of_metrics(text).items():
                    readings[service, quantity] = value
        return Sample(asyncio.get_running_loop().time() - self._began_at, readings)

    async def until_unused(self) -> dict[str, float]:
        """Waits until nobody holds anything; returns what is still held after ten seconds."""
        deadline = asyncio.get_running_loop().time() + _UNUSED_WITHIN_S
        while True:
            sample = await self.read()
            held = {": ".join(of): sample.readings[of] for of in _HELD}
            if not any(held.values()) or asyncio.get_running_loop().time() > deadline:
                return held
            await asyncio.sleep(0.5)


def _of_metrics(text: str) -> dict[str, float]:
    return {
        _FROM_METRICS[sample.name.removesuffix("_total")]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.removesuffix("_total") in _FROM_METRICS
    }


def _of_processes(pids: list[int]) -> dict[str, float]:
    """Sums over processes; one that has just ended counts nothing."""
    totals = {MEMORY: usage(pids).memory_mib, DESCRIPTORS: 0.0, THREADS: 0.0}
    for pid in pids:
        folder = _PROC / str(pid)
        try:
            descriptors = len(list((folder / "fd").iterdir()))
            threads = len(list((folder / "task").iterdir()))
        except OSError:
            continue
        totals[DESCRIPTORS] += descriptors
        totals[THREADS] += threads
    return totals
