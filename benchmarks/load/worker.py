"""The load client's process: `python -m benchmarks.load.worker`, started by benchmarks/load/level.py.

Reads a :class:`Job` as one line of JSON, makes all messages, writes "ready", reads the monotonic time
at which to begin, plays, and writes what the streams were told as one line of JSON. Apart from the
driver so that its CPU can be told apart, and so that nothing else runs on its event loop.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.load.player import Played, Player
from benchmarks.load.schedule import Turn
from benchmarks.recordings import load
from benchmarks.systems.base import Client
from benchmarks.systems.clients import make_client


@dataclass(frozen=True)
class Job:
    """What to play."""

    client: str
    options: dict[str, Any]
    recordings: list[str]
    turns: list[tuple[float, int, int]]
    """:class:`Turn` as tuples."""
    measure_from_s: float
    """CPU of this process is counted from here ..."""
    measure_to_s: float
    """... to here."""
    drop_s: float
    """Streams that have not ended by then are dropped."""


async def work(job: Job, client: Client, messages: list[list[bytes]], begin_at: float) -> dict[str, Any]:
    """Plays a job; returns what is sent to the driver."""
    player = Player(messages, client.line)
    meter = asyncio.create_task(_cpu_s(begin_at + job.measure_from_s, begin_at + job.measure_to_s))
    turns = [Turn(*turn) for turn in job.turns]
    await player.play(turns, begin_at, begin_at + job.drop_s)
    meter.cancel()
    cpu_s = (await asyncio.gather(meter, return_exceptions=True))[0]
    return {
        "cpu_s": cpu_s if isinstance(cpu_s, float) else None,
        "streams": [_report(played, client, begin_at) for played in player.streams],
    }


async def _cpu_s(start: float, end: float) -> float:
    await asyncio.sleep(start - time.monotonic())
    before = time.process_time()
    await asyncio.sleep(end - time.monotonic())
    return time.process_time() - before


def _report(played: Played, client: Client, begin_at: float) -> dict[str, Any]:
    tape = played.line.tape
    return {
        "turn": list(asdict(played.turn).values()),
        "outcome": tape.outcome,
        "reason": tape.reason,
        "ended_s": None if tape.ended_at is None else tape.ended_at - begin_at,
        "sent": played.sent,
        "messages": played.messages,
        "late_s": [round(late, 5) for late in played.late_s],
        "readings": [
            [reading.at_s - begin_at, reading.text, reading.needed_s, reading.server_ms, reading.words]
            for reading in client.readings(tape)
        ],
    }


def main() -> None:
    job = Job(**json.loads(sys.stdin.readline()))
    client = make_client(job.client, job.options)
    messages = [client.messages(load(Path(path))) for path in job.recordings]
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause would be taken for the server's
    print("ready", flush=True)
    begin_at = float(sys.stdin.readline())
    report = uvloop.run(work(job, client, messages, begin_at))
    json.dump(report, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # streams that were dropped need no farewell


if __name__ == "__main__":
    main()
