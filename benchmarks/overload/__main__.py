"""Overload: three times the streams that a server can carry, against as many as it can carry.

    python -m benchmarks.overload [--rounds 10] [--seconds 10] [--factor 3] [--out FILE]

Starts a stack of its own (gateway, frontend, decoder, Triton) on free ports. Streams of real speech arrive
whatever the server does (open loop), each at the speed of speech in 100 ms messages, and none comes back
after a refusal. First, far too many show how many streams the server admits (its capacity). Then as many
as that arrive all the time, and in every other window of `--seconds` more by chance, `--factor` times as
many in all. Latency is from when the message was due that completed the audio of a result to the result's
arrival at the client: it has all in it, the client too. The load client is one process on the same
machine; what it and the services use in either kind of window is measured and told.
"""

from __future__ import annotations

import asyncio
import os
import platform
import random
import resource
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer

from amira.asr.v1 import speech_pb2_grpc
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_local.options import StackOptions
from amira_local.stack import LocalStack
from benchmarks.clips import SAMPLE_RATE_HZ, load_clips
from benchmarks.overload import caller, cpus, figures, phase
from benchmarks.processes import usage_by_service
from benchmarks.report import write

_SETTLE_S = 2.0
_FIRST_STREAMS_PER_S = 6.0
_MOST_TRIES = 4
_FULL = 0.25
"""So many are refused where there are too many for sure: else the server may have had room for more."""
_FIND_RECORDINGS = 3
_LONE_STREAMS = 2

Log = Callable[[str], None]


class Load:
    """The load client: one recording, any number of callers."""

    def __init__(self, target: str, recording: caller.Recording, method: str) -> None:
        self.recording = recording
        self._opening = caller.opening(method)
        self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        self.stub = speech_pb2_grpc.SpeechStub(self._channel)

    async def stream(self) -> caller.Heard:
        """One stream, from now on."""
        return await caller.call(self.stub, self.recording, self._opening)

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()


async def measure(
    *,
    rounds: int,
    seconds: float,
    recording_s: float,
    factor: float,
    method: str,
    speech: Path | None,
    seed: int,
    log: Log,
) -> dict[str, Any]:
    """Runs it all; returns the figures."""
    samples = load_clips(speech)[0][: round(recording_s * SAMPLE_RATE_HZ)]
    recording = caller.Recording.of(samples.tobytes(), SAMPLE_RATE_HZ)
    chance = random.Random(seed)  # noqa: S311 - arrivals, no secret
    ramp_s = recording.seconds
    async with LocalStack(StackOptions(ephemeral_ports=True, log_level="warning")) as stack:
        load = Load(stack.gateway_target, recording, method)
        try:
            lone = [await load.stream() for _ in range(_LONE_STREAMS)]
            expected = lone[-1].text
            log(f"alone: {figures.quantiles(_delays_ms(lone[1:]))}")
            found = await _find(load, chance, log)
            capacity = max(1, round(found.running))
            log(f"capacity: {capacity} streams")
            await asyncio.sleep(_SETTLE_S)
            plan = phase.alternating(capacity / ramp_s, factor, rounds, seconds, ramp_s, chance)
            log(f"{len(plan.arrivals)} streams in {plan.over[-1].end:.0f} s")
            using = asyncio.create_task(
                cpus.by_window([*plan.within, *plan.over], partial(_cpu_s, stack)), name="cpu time"
            )
            streams, zero = await phase.run(load.stream, plan.arrivals)
            used = await using
        finally:
            await load.close()

    def of(windows: Sequence[phase.Window]) -> dict[str, Any]:
        return figures.of_phase(phase.Phase(streams, phase.shifted(windows, zero)), expected)

    within, over = (
        {**of(windows), "cpus_used": cpus.average(used[at] for at in windows)}
        for windows in (plan.within, plan.over)
    )

    return {
        "capacity": capacity,
        "factor": factor,
        "windows_s": rounds * seconds,
        "recording_s": round(recording.seconds, 1),
        "search": method,
        "alone_latency_ms": figures.quantiles(_delays_ms(lone[1:])),
        "finding_capacity": figures.of_phase(found, expected),
        "within": within,
        "over": over,
        "p99_by_round_ms": {
            name: [of([window])["latency_ms"]["p99"] for window in windows]
            for name, windows in (("within", plan.within), ("over", plan.over))
        },
        "machine": {
            "cpus": os.cpu_count(),
            "platform": platform.platform(),
            "load_average": round(os.getloadavg()[0], 2),
        },
    }


async def _find(load: Load, chance: random.Random, log: Log) -> phase.Phase:
    """More streams than can be carried, until many are refused: those that run then fit."""
    ramp_s = load.recording.seconds
    until_s = _FIND_RECORDINGS * ramp_s
    streams_per_s = _FIRST_STREAMS_PER_S
    for _ in range(_MOST_TRIES):
        streams, zero = await phase.run(load.stream, phase.even(streams_per_s, until_s, chance))
        found = phase.Phase(streams, [phase.Window(zero + ramp_s, zero + until_s)])
        refused, offered = len(found.refusals_ms), len(found.offered)
        log(
            f"{streams_per_s:g} streams a second: {found.running:.1f} at once, {refused} of {offered} refused"
        )
        if refused >= _FULL * offered:
            break
        streams_per_s *= 2
    return found


def _delays_ms(streams: list[caller.Heard]) -> list[float]:
    return [1000 * delay for heard in streams for _, delay in heard.delays]


def _cpu_s(stack: LocalStack) -> dict[str, float]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    services = {name: used.cpu_s for name, used in usage_by_service(stack).items()}
    return {cpus.CLIENT: own.ru_utime + own.ru_stime, **services}


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    within, over = result["within"], result["over"]
    rows = [
        ("capacity, streams at once", result["capacity"]),
        ("latency p50 / p99 of a lone stream", "{p50} / {p99} ms".format(**result["alone_latency_ms"])),
        ("within capacity: offered / admitted / refused", _counts(within)),
        ("streams that ran at once", within["running_at_once"]),
        ("latency p50 / p99", "{p50} / {p99} ms".format(**within["latency_ms"])),
        (f"{result['factor']:g} times as many: offered / admitted / refused", _counts(over)),
        ("streams that ran at once", over["running_at_once"]),
        ("latency p50 / p99 of those admitted", "{p50} / {p99} ms".format(**over["latency_ms"])),
        ("p99 to that within capacity", figures.ratio(within, over, "p99")),
        ("rounds, median", figures.median_ratio(result["p99_by_round_ms"])),
        ("refusal p50 / p99", "{p50} / {p99} ms".format(**over["refusal_ms"])),
        ("refused without RetryInfo", over["refused_without_retry_info"]),
        (
            "admitted, but failed / had other words",
            "{admitted_and_failed} / {admitted_with_other_words}".format(**over),
        ),
        ("within: CPUs used by the load client / by all services", _cpus(within["cpus_used"])),
        (f"{result['factor']:g} times as many: the same", _cpus(over["cpus_used"])),
        ("CPU time more per refusal, load client / services", _per_refusal(result)),
        ("load average of the machine", result["machine"]["load_average"]),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _counts(part: dict[str, Any]) -> str:
    return "{offered} / {admitted} / {refused}".format(**part)


def _cpus(used: dict[str, float]) -> str:
    client, services = cpus.client_and_services(used)
    return f"{client:.2f} / {services:.2f}"


def _per_refusal(result: dict[str, Any]) -> str:
    """What the windows with more streams cost more, by refusal: as many are admitted in both."""
    within, over = result["within"], result["over"]
    more = (over["refused"] - within["refused"]) / result["windows_s"]
    if more <= 0:
        return "no refusals"
    before, after = (cpus.client_and_services(part["cpus_used"]) for part in (within, over))
    return " / ".join(f"{1000 * (b - a) / more:.1f}" for a, b in zip(before, after, strict=True)) + " ms"


def main(
    rounds: Annotated[int, typer.Option(help="Pairs of windows.")] = 10,
    seconds: Annotated[float, typer.Option(help="Length of a window.")] = 10,
    recording_s: Annotated[float, typer.Option(help="Most that is used of the recording.")] = 10,
    factor: Annotated[float, typer.Option(help="Offered streams as a multiple of the capacity.")] = 3,
    method: Annotated[str, typer.Option(help="auto, k2, beam or greedy.")] = "auto",
    speech: Annotated[
        Path | None, typer.Option(help="Folder of 16 kHz FLAC files; the first one is used.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the arrivals by chance.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures what overload does to the streams that are admitted."""
    result = asyncio.run(
        measure(
            rounds=rounds,
            seconds=seconds,
            recording_s=recording_s,
            factor=factor,
            method=method,
            speech=speech,
            seed=seed,
            log=partial(print, flush=True),
        )
    )
    print(table(result))
    if out is not None:
        write(out, result)


if __name__ == "__main__":
    typer.run(main)
