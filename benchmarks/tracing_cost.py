"""What tracing costs: `python -m benchmarks.tracing_cost`.

Three stacks run side by side and take turns with the same streams: without tracing, with all traces recorded
but none sampled, and with all of them sampled. Compared is the CPU time of gateway, frontend and decoder per
second of audio (not wall time, which other work on the machine changes).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack

import soundfile

from amira_client import AmiraClient
from amira_local.options import StackOptions
from amira_local.stack import LocalStack
from benchmarks.machine import usage
from benchmarks.recordings import bundled
from tests.support.otlp import Collector, collecting

_CLIP = bundled().path
_SERVICES = ("gateway", "frontend", "decoder")


def _cpu_s(stack: LocalStack, service: str) -> float:
    """CPU time of a service's process and its threads so far."""
    return usage([stack.processes[service].pid]).cpu_s


async def _round(stack: LocalStack, streams: int, speed: float) -> dict[str, float]:
    """CPU milliseconds per second of audio, by service."""
    info = soundfile.info(_CLIP)
    audio_s = streams * info.frames / info.samplerate
    before = {name: _cpu_s(stack, name) for name in _SERVICES}
    async with AmiraClient(stack.gateway_target) as client:
        await asyncio.gather(*(client.transcribe(_CLIP, real_time_factor=speed) for _ in range(streams)))
    return {name: (_cpu_s(stack, name) - before[name]) / audio_s * 1000 for name in _SERVICES}


def _variants(collector: Collector) -> dict[str, dict[str, str]]:
    on = {**collector.environment, "OTEL_BSP_SCHEDULE_DELAY": "1000", "AMIRA_TRACE_SLOW_MS": "60000"}
    return {
        "off": {},
        "recorded, not sampled": {**on, "OTEL_TRACES_SAMPLER": "always_off"},
        "sampled": {**on, "OTEL_TRACES_SAMPLER": "always_on"},
    }


async def measure(rounds: int, streams: int, speed: float) -> dict[str, list[dict[str, float]]]:
    """Figures of each round by variant; the first round, in which everything warms up, is left out."""
    async with AsyncExitStack() as running:
        with ExitStack() as held:
            collector = held.enter_context(collecting())
            stacks = {}
            for name, env in _variants(collector).items():
                options = StackOptions(ephemeral_ports=True, search="beam", env=env)
                stacks[name] = await running.enter_async_context(LocalStack(options))
            figures: dict[str, list[dict[str, float]]] = {name: [] for name in stacks}
            for number in range(rounds + 1):
                for name, stack in stacks.items():
                    taken = await _round(stack, streams, speed)
                    if number:
                        figures[name].append(taken)
            spans = len(collector.spans)
            await running.aclose()
        print(f"spans exported by the sampled stack and its Triton: {spans}")
        return figures


def report(figures: dict[str, list[dict[str, float]]]) -> None:
    """Prints CPU ms per second of audio and, round by round, the ratio to the stack without tracing."""
    print(f"{'':24}" + "".join(f"{name:>12}" for name in (*_SERVICES, "sum", "ratio")))
    base = [sum(each.values()) for each in figures["off"]]
    for name, rounds in figures.items():
        medians = [statistics.median(each[service] for each in rounds) for service in _SERVICES]
        ratio = statistics.median(sum(each.values()) / off for each, off in zip(rounds, base, strict=True))
        cells = "".join(f"{value:12.2f}" for value in (*medians, sum(medians)))
        print(f"{name:24}{cells}{ratio:12.3f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--streams", type=int, default=6)
    parser.add_argument("--speed", type=float, default=2.0, help="times the speed of speech")
    options = parser.parse_args(arguments)
    report(asyncio.run(measure(options.rounds, options.streams, options.speed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
