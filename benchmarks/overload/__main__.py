"""Overload: three times the streams that a server can carry, against as many as it can carry.

    python -m benchmarks.overload [--rounds 3] [--seconds 40] [--factor 3] [--out FILE]

Starts a stack of its own (gateway, frontend, decoder, Triton) on free ports. Streams of real speech arrive
whatever the server does (open loop), each at the speed of speech in 100 ms messages, and none comes back
after a refusal. First, far too many show how many streams the server admits (its capacity), then rounds
alternate: as many as that, evenly; and `--factor` times as many, by chance. Latency is from when the
message was due that completed the audio of a result to the result's arrival at the client: it has all in
it, the client too. The load client is one process on the same machine; what it uses is measured and told.
"""

from __future__ import annotations

import asyncio
import os
import platform
import random
import resource
import statistics
import time
from collections.abc import Callable
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
from benchmarks.overload import caller, figures, phase
from benchmarks.processes import usage_by_service
from benchmarks.report import write

_SETTLE_S = 2.0
_FIND_STREAMS_PER_S = 3.0
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
    """Runs all phases; returns the figures."""
    samples = load_clips(speech)[0][: round(recording_s * SAMPLE_RATE_HZ)]
    recording = caller.Recording.of(samples.tobytes(), SAMPLE_RATE_HZ)
    chance = random.Random(seed)  # noqa: S311 - arrivals, no secret
    async with LocalStack(StackOptions(ephemeral_ports=True, log_level="warning")) as stack:
        load = Load(stack.gateway_target, recording, method)
        try:
            lone = [await load.stream() for _ in range(_LONE_STREAMS)]
            expected = lone[-1].text
            log(f"alone: {figures.quantiles(_delays_ms(lone[1:]))}")
            run = partial(_measured, stack, load, seconds, expected)
            found = await run(phase.even(_FIND_STREAMS_PER_S, recording.seconds + seconds, chance))
            capacity = max(1, round(found["running_at_once"]))
            log(f"capacity: {capacity} streams (of {_FIND_STREAMS_PER_S:g} new ones a second)")
            per_s = capacity / recording.seconds
            span_s = recording.seconds + seconds
            within, over = [], []
            for number in range(1, rounds + 1):
                within.append(await run(phase.even(per_s, span_s, chance)))
                log(f"round {number}, within capacity: {within[-1]['latency_ms']}")
                over.append(await run(phase.by_chance(factor * per_s, span_s, chance)))
                log(
                    f"round {number}, {factor:g} times: {over[-1]['latency_ms']}, "
                    f"{over[-1]['refused']} of {over[-1]['offered']} refused"
                )
        finally:
            await load.close()
    return {
        "capacity": capacity,
        "factor": factor,
        "recording_s": round(recording.seconds, 1),
        "search": method,
        "alone_latency_ms": figures.quantiles(_delays_ms(lone[1:])),
        "finding_capacity": found,
        "within": within,
        "over": over,
        "summary": summarized(within, over),
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
    }


async def _measured(
    stack: LocalStack, load: Load, seconds: float, expected: str, arrivals: list[float]
) -> dict[str, Any]:
    """One phase with what it cost."""
    ramp_s = load.recording.seconds
    before, began_at, used_before_s = usage_by_service(stack), time.monotonic(), _own_cpu_s()
    found = await phase.run(load.stream, arrivals, ramp_s, ramp_s + seconds)
    took_s = time.monotonic() - began_at
    after = usage_by_service(stack)
    of_phase = figures.of_phase(found, expected)
    of_phase["cpus_used"] = {
        "load client": round((_own_cpu_s() - used_before_s) / took_s, 3),
        **{name: round((after[name].cpu_s - before[name].cpu_s) / took_s, 3) for name in after},
    }
    of_phase["machine_load_average"] = round(os.getloadavg()[0], 2)
    await asyncio.sleep(_SETTLE_S)
    return of_phase


def summarized(within: list[dict[str, Any]], over: list[dict[str, Any]]) -> dict[str, Any]:
    """What is held against the target, from the figures of all rounds."""
    ratios = figures.ratios(within, over, "p99")
    refusals_p99 = [round_["refusal_ms"]["p99"] for round_ in over if round_["refusal_ms"]["p99"] is not None]
    return {
        "admitted_p99_to_within_capacity": {"rounds": ratios, "median": round(statistics.median(ratios), 3)},
        "admitted_p50_to_within_capacity": {"rounds": figures.ratios(within, over, "p50")},
        "within_p99_ms": statistics.median(round_["latency_ms"]["p99"] for round_ in within),
        "over_p99_ms": statistics.median(round_["latency_ms"]["p99"] for round_ in over),
        "refusal_p99_ms": statistics.median(refusals_p99) if refusals_p99 else None,
        **{
            name: figures.total(over, name)
            for name in (
                "offered",
                "admitted",
                "refused",
                "refused_without_retry_info",
                "admitted_and_failed",
                "admitted_with_other_words",
            )
        },
    }


def _delays_ms(streams: list[caller.Heard]) -> list[float]:
    return [1000 * delay for heard in streams for _, delay in heard.delays]


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    summary = result["summary"]
    ratio = summary["admitted_p99_to_within_capacity"]
    rows = [
        ("capacity, streams at once", f"{result['capacity']}"),
        ("latency p50 / p99 of a lone stream", "{p50} / {p99} ms".format(**result["alone_latency_ms"])),
        ("latency p99 within capacity", f"{summary['within_p99_ms']} ms"),
        (
            f"latency p99 of those admitted, {result['factor']:g} times the streams",
            f"{summary['over_p99_ms']} ms",
        ),
        ("ratio of the two, median (rounds)", f"{ratio['median']} ({', '.join(map(str, ratio['rounds']))})"),
        ("offered / admitted / refused", "{offered} / {admitted} / {refused}".format(**summary)),
        ("refusal p99", f"{summary['refusal_p99_ms']} ms"),
        ("refused without RetryInfo", f"{summary['refused_without_retry_info']}"),
        (
            "admitted that failed / had other words",
            "{admitted_and_failed} / {admitted_with_other_words}".format(**summary),
        ),
        ("CPUs used, load client alone", f"{result['over'][-1]['cpus_used']['load client']}"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main(
    rounds: Annotated[int, typer.Option(help="Pairs of phases.")] = 3,
    seconds: Annotated[
        float, typer.Option(help="Measured time per phase, after a ramp of one recording.")
    ] = 40,
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
