"""What was loaded when a server became ready is out of the collector's sight, in programs that only serve."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, gc, sys
from amira_core import garbage
from amira_core.rpc.server import RpcServer

async def main():
    server = RpcServer("127.0.0.1:0", "a.Service")
    await server.start()
    counts = [gc.get_freeze_count()]
    for ready in (True, False, True):
        await server.set_ready(ready)
        counts.append(gc.get_freeze_count())
    await server.stop(0)
    print(*counts)

if sys.argv[1] == "serves":
    garbage.freeze_when_ready()
asyncio.run(main())
"""


def freeze_counts(how: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], check=True, capture_output=True, text=True, timeout=60
    )
    return [int(count) for count in done.stdout.splitlines()[-1].split()]


def test_frozen_once_by_programs_that_only_serve() -> None:
    before, first, *later = freeze_counts("serves")
    assert before == 0
    assert first > 10_000
    assert all(count <= first for count in later)  # what comes later may become garbage


def test_left_alone_elsewhere() -> None:
    assert freeze_counts("is part of something") == [0, 0, 0, 0]
