"""The process that decodes: a crash in a codec, or a hang, takes it and not the fuzzer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from amira_frontend.warmup import warm_up
from fuzz.check import FindingError, Outcome
from fuzz.check import check as check_audio
from fuzz.inputs import Input, make_input
from fuzz.tally import Tally, Worst

Check = Callable[[Input], Outcome]
"""Raises FindingError. Travels to the worker by its name."""

_BATCH = 250
"""Inputs per report."""
_WARM_INPUTS = 2000
"""Caches and the allocator's arenas have grown to their size by then (measured)."""
_START_S = 120
"""For imports and compiling, in all seconds that a slow machine may take."""


@dataclass(frozen=True)
class Found:
    """A finding about one input."""

    number: int
    problem: str


@dataclass(frozen=True)
class Memory:
    """Resident memory of one worker."""

    warm_mib: float
    end_mib: float


def run(
    seed: int, numbers: range, hang_s: float, check: Check = check_audio
) -> Iterator[Tally | Found | Memory]:
    """Checks inputs `numbers` of `seed`; a worker that crashes or hangs is a finding, and another goes on."""
    while numbers:
        reached = yield from _one_worker(seed, numbers, hang_s, check)
        numbers = range(reached, numbers.stop)


def _one_worker(
    seed: int, numbers: range, hang_s: float, check: Check
) -> Generator[Tally | Found | Memory, None, int]:
    """Runs until the end or the first crash or hang; the number to go on with."""
    context = get_context("spawn")
    current = context.Value("q", -1)
    reports, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_work, args=(seed, numbers, check, current, theirs), daemon=True)
    worker.start()
    theirs.close()
    try:
        at = -1
        while True:
            if reports.poll(hang_s if at >= 0 else _START_S):
                report = reports.recv()
                if report is None:
                    return numbers.stop
                yield report
            elif at == current.value:
                yield Found(max(at, numbers.start), f"no end after {hang_s:g} s")
                return max(at, numbers.start) + 1
            at = int(current.value)
    except EOFError:
        worker.join()
        at = max(int(current.value), numbers.start)
        yield Found(at, f"the process died with status {worker.exitcode}")
        return at + 1
    finally:
        worker.kill()
        worker.join()
        reports.close()


def _work(seed: int, numbers: range, check: Check, current: Any, reports: Connection) -> None:
    warm_up()
    tally, warm_mib = Tally(), 0.0
    for done, number in enumerate(numbers):
        current.value = number
        item = make_input(seed, number)
        try:
            outcome = check(item)
        except FindingError as finding:
            reports.send(Found(number, str(finding)))
        else:
            tally.add(
                Tally(
                    Counter([outcome.result]),
                    outcome.frames,
                    item.size,
                    Worst(outcome.cpu_s, number, item.origin),
                    Worst(outcome.longest_step_s, number, item.origin),
                )
            )
        if done % _BATCH == _BATCH - 1:
            reports.send(tally)
            tally = Tally()
        if done < _WARM_INPUTS:
            warm_mib = resident_mib()
    reports.send(tally)
    reports.send(Memory(warm_mib, resident_mib()))
    reports.send(None)


def resident_mib() -> float:
    statistics = Path("/proc/self/statm")
    if not statistics.exists():  # not Linux
        return 0.0
    return int(statistics.read_text().split()[1]) * 4096 / 2**20
