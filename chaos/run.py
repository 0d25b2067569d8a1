"""The whole experiment: a fleet, the same streams twice, faults the second time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from chaos import log_lines
from chaos.fleet import Fleet
from chaos.inject import Injected, Injector
from chaos.load import Recording, play_all
from chaos.recovery import Recovery, recoveries
from chaos.replicas import FleetOptions
from chaos.schedule import Fault
from chaos.scripts import Script
from chaos.verdict import StreamVerdict, judge

Say = Callable[[str], None]

_SLOTS_BACK_S = 10.0


class UndisturbedError(Exception):
    """Even without faults a stream is not as it should be, so nothing can be said about faults."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    verdicts: list[StreamVerdict]
    injected: list[Injected]
    recoveries: list[list[Recovery]]
    """For each fault that happened, the streams that it hit."""
    leaks: list[str]
    """Slots that no stream holds any more and that did not come back."""
    deaths: dict[str, list[str]]
    """How each replica's processes ended."""
    error_events: Counter[str] = field(default_factory=Counter)
    """Log lines of level error, by replica and event."""
    stuck: str = ""
    """What did not come back within two minutes."""

    @property
    def clean(self) -> bool:
        """Whether nobody could have told the run from an undisturbed one, but for the waiting."""
        return all(verdict.clean for verdict in self.verdicts) and not self.leaks and not self.stuck


async def run(
    options: FleetOptions,
    scripts: Sequence[Script],
    faults: Sequence[Fault],
    say: Say,
    *,
    one_of_a_kind: bool = True,
    resume: bool = False,
) -> Outcome:
    """Runs the streams undisturbed, then again with the faults.

    Args:
        options: the fleet.
        scripts: the streams.
        faults: in order of time.
        say: told what is going on.
        one_of_a_kind: a fault waits until the ones before it are over.
        resume: clients may go from one gateway to another.

    Raises:
        FleetError: the fleet did not start.
        UndisturbedError: the undisturbed run failed.
    """
    async with Fleet(options, say) as fleet:
        say(f"undisturbed run of {len(scripts)} streams, {_seconds(scripts):.0f} s")
        wanted = await play_all(scripts, fleet.gateway_targets, resume=resume)
        _require_clean(scripts, wanted)
        say("the same streams, disturbed")
        began = time.time()
        injector = Injector(fleet, faults, say, _seconds(scripts), one_of_a_kind=one_of_a_kind)
        got, stuck = await _disturbed(fleet, scripts, injector, resume)
        leaks = await _leaks(fleet)
        deaths = {name: replica.deaths for name, replica in fleet.replicas.items() if replica.deaths}
    return Outcome(
        verdicts=[judge(*each) for each in zip(scripts, wanted, got, strict=True)],
        injected=injector.injected,
        recoveries=_recoveries(injector.injected, began, wanted, got, options.log_dir),
        leaks=leaks,
        deaths=deaths,
        error_events=log_lines.errors(options.log_dir) if options.log_dir else Counter(),
        stuck=stuck,
    )


async def _disturbed(
    fleet: Fleet, scripts: Sequence[Script], injector: Injector, resume: bool
) -> tuple[list[Recording], str]:
    loop = asyncio.get_running_loop()
    injecting = asyncio.create_task(injector.run(loop.time()), name="faults")
    try:
        recordings = await play_all(scripts, fleet.gateway_targets, resume=resume)
        try:
            await injecting
        except TimeoutError:
            return recordings, "not every replica serves again"
    finally:
        injecting.cancel()
        await asyncio.gather(injecting, return_exceptions=True)
    return recordings, ""


def _seconds(scripts: Sequence[Script]) -> float:
    return max(script.ends_s for script in scripts)


def _require_clean(scripts: Sequence[Script], recordings: Sequence[Recording]) -> None:
    for script, recording in zip(scripts, recordings, strict=True):
        verdict = judge(script, recording, recording)
        if not verdict.clean:
            raise UndisturbedError(
                f"Stream {script.name} is wrong without any fault: {verdict.failure or verdict.problems}"
            )
    if not any(recording.text for recording in recordings):
        raise UndisturbedError("No words came from the undisturbed streams.")


async def _leaks(fleet: Fleet) -> list[str]:
    """Waits a little: a decoder learns of a dead peer by its connection's end."""
    deadline = asyncio.get_running_loop().time() + _SLOTS_BACK_S
    while True:
        try:
            slots = await fleet.slots()
        except grpc.aio.AioRpcError as error:
            return [f"a decoder does not answer: {error.code().name}"]
        leaks = [
            f"{name}: {used} slots held, {orphaned} orphaned"
            for name, (used, orphaned) in slots.items()
            if used or orphaned
        ]
        if not leaks or asyncio.get_running_loop().time() > deadline:
            return leaks
        await asyncio.sleep(0.5)


def _recoveries(
    injected: Sequence[Injected],
    began: float,
    wanted: Sequence[Recording],
    got: Sequence[Recording],
    log_dir: Path | None,
) -> list[list[Recovery]]:
    """For each fault. A move counts for the last fault before it.

    Args:
        began: when the disturbed streams did, in seconds since the epoch.
    """
    names = {session: recording.name for recording in got for session in recording.sessions}
    moves = (
        [(move.time - began, names.get(move.session_id, "")) for move in log_lines.moves(log_dir)]
        if log_dir
        else []
    )
    found = []
    for number, one in enumerate(injected):
        until_s = injected[number + 1].at_s if number + 1 < len(injected) else float("inf")
        moved = {name for at_s, name in moves if one.at_s <= at_s < until_s}
        found.append(recoveries(one.at_s, one.fault.seconds, wanted, got, moved))
    return found
