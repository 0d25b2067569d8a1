"""The whole soak: a stack, streams, samples, a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from amira_client import AmiraClient
from amira_core.rpc.server import cancel_and_wait
from amira_local.options import StackOptions
from amira_local.stack import LocalStack, StackEvent
from benchmarks.recordings import Recording
from soak.flat import trends
from soak.load import Load
from soak.report import Outcome
from soak.watch import Sample, Watch

_QUIET_S = 5.0
_LEAST_SAMPLES = 24
_SAMPLE_EVERY_S = 10.0


async def soak(
    options: StackOptions,
    recordings: Sequence[Recording],
    minutes: float,
    workers: int,
    seed: int,
    say: Callable[[str], None],
) -> Outcome:
    """Runs it. Raises StackError."""
    died: list[str] = []

    def on_event(event: StackEvent) -> None:
        if event.kind in ("died", "gave_up"):
            died.append(f"{event.service}: {event.detail}")

    async with (
        LocalStack(options, on_event=on_event) as stack,
        stack.client() as client,
        AmiraClient(stack.gateway_target, resume=False) as mortal,
    ):
        load = Load(client, mortal, recordings, seed)
        say(f"hearing {len(recordings)} recordings undisturbed")
        await load.hear_all()
        watch = Watch(stack)
        before = await _quiet(watch)
        say(f"{workers} streams at a time for {minutes:g} minutes")
        samples = await _under_load(load, watch, minutes, workers)
        after = await _quiet(watch)
    return Outcome(minutes, workers, load.tally, trends(before, samples, after), samples, died)


async def _quiet(watch: Watch) -> Sample:
    await watch.until_unused()
    await asyncio.sleep(_QUIET_S)
    return await watch.read()


async def _under_load(load: Load, watch: Watch, minutes: float, workers: int) -> list[Sample]:
    until_s = asyncio.get_running_loop().time() + minutes * 60
    every_s = min(_SAMPLE_EVERY_S, minutes * 60 / _LEAST_SAMPLES)
    watching = asyncio.create_task(watch.run(every_s), name="watch")
    playing = asyncio.ensure_future(asyncio.gather(*(load.run(worker, until_s) for worker in range(workers))))
    try:
        tasks: list[asyncio.Future[Any]] = [watching, playing]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
        await playing
        return watch.samples
    finally:
        await cancel_and_wait([watching, playing])
