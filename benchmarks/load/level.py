"""One level of load: the load process plays, and the CPUs are read meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amira_core.tied import tied
from benchmarks.load.schedule import Turn
from benchmarks.load.worker import Job
from benchmarks.machine import Load, between, moment
from benchmarks.recordings import Recording
from benchmarks.systems.base import Server

ROOT = Path(__file__).resolve().parents[2]
AFTER_S = 1.0
"""Load goes on for this long behind the measured time, so that what was due in it can come, under load."""
_PATIENCE_S = 60.0


class LoadError(Exception):
    """The load process failed; the message says how."""


@dataclass(frozen=True)
class Stream:
    """One stream, as the load process reports it. Times are from the level's beginning."""

    turn: Turn
    outcome: str
    reason: str
    ended_s: float | None
    sent: int
    messages: int
    late_s: Sequence[float]
    readings: Sequence[tuple[float, str, float | None, float | None, Sequence[tuple[str, float]]]]
    """(arrival, text, audio needed in s, server's latency in ms, words with ends)."""


@dataclass(frozen=True)
class Level:
    """What happened at one level."""

    lanes: int
    measure_from_s: float
    measure_to_s: float
    drop_s: float
    streams: Sequence[Stream]
    load: Load
    counters: Mapping[str, float]
    """What the server's counters grew by in the measured time."""


@dataclass(frozen=True)
class Times:
    """How long a level is."""

    ramp_s: float = 5.0
    """Streams begin within this time; nothing is measured in it."""
    measured_s: float = 20.0


async def play(
    server: Server,
    recordings: Sequence[Recording],
    turns: Sequence[Turn],
    lanes: int,
    window_s: tuple[float, float],
    drop_s: float,
    *,
    bystanders: Sequence[Server] = (),
    options: Mapping[str, Any] | None = None,
) -> Level:
    """Plays a schedule against a server that runs.

    Args:
        server: what is measured.
        recordings: what the turns name.
        turns: from :func:`benchmarks.load.schedule.schedule`.
        lanes: streams at once, for the record.
        window_s: the measured time.
        drop_s: when streams that have not ended are dropped.
        bystanders: other servers that run and should be idle; their CPU is not a stranger's.
        options: more for the client.

    Raises:
        LoadError: the load process died.
    """
    job = Job(
        client=server.client,
        options={**server.client_options(), **(options or {})},
        recordings=[str(recording.path) for recording in recordings],
        turns=[(turn.begin_s, turn.recording, turn.lane) for turn in turns],
        measure_from_s=window_s[0],
        measure_to_s=window_s[1],
        drop_s=drop_s,
    )
    process = await asyncio.create_subprocess_exec(
        *tied(signal.SIGKILL, sys.executable, "-m", "benchmarks.load.worker"), cwd=ROOT, limit=2**30,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        if (await process.stdout.readline()).strip() != b"ready":
            raise LoadError("the load process did not get ready; its error is above")
        begin_at = time.monotonic() + 0.3
        process.stdin.write(f"{begin_at!r}\n".encode())
        reading = asyncio.create_task(process.stdout.read())
        load, counters = await _watch(server, bystanders, process.pid, begin_at, window_s)
        try:
            report = await asyncio.wait_for(reading, drop_s + _PATIENCE_S)
        except TimeoutError:
            raise LoadError("the load process did not end") from None
        if await process.wait():
            raise LoadError(f"the load process ended with status {process.returncode}; its error is above")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _level(json.loads(report), lanes, window_s, drop_s, load, counters)


async def _watch(
    server: Server, bystanders: Sequence[Server], worker: int, begin_at: float, window_s: tuple[float, float]
) -> tuple[Load, dict[str, float]]:
    def groups() -> dict[str, Sequence[int]]:
        idle = [pid for other in bystanders for pids in other.processes().values() for pid in pids]
        ours = dict(server.processes())
        known = {pid for pids in ours.values() for pid in pids}
        return {
            **ours,
            "load client": [worker],
            "driver": [os.getpid()],
            "idle systems": [pid for pid in dict.fromkeys(idle) if pid not in known],
        }

    await asyncio.sleep(begin_at + window_s[0] - time.monotonic())
    counted, before = await server.counters(), moment(groups())
    await asyncio.sleep(begin_at + window_s[1] - time.monotonic())
    after, recounted = moment(groups()), await server.counters()
    return between(before, after), {name: recounted[name] - value for name, value in counted.items()}


def _level(
    report: dict[str, Any],
    lanes: int,
    window_s: tuple[float, float],
    drop_s: float,
    load: Load,
    counters: Mapping[str, float],
) -> Level:
    streams = [
        Stream(
            turn=Turn(*stream.pop("turn")),
            readings=[tuple(reading) for reading in stream.pop("readings")],
            **stream,
        )
        for stream in report["streams"]
    ]
    return Level(lanes, *window_s, drop_s, streams, load, counters)
