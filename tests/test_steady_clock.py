"""The clock of tests whose servers are in the same process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time

from tests.conftest import ROOT
from tests.support.steady_clock import SteadyClock, steady_clock


def test_time_passes_and_never_goes_back() -> None:
    clock = SteadyClock()
    clock.start()
    read = [clock()]
    while read[-1] < read[0] + 0.3:
        read.append(clock())
        time.sleep(0.001)
    clock.stop()
    assert read == sorted(read)


def test_asyncio_goes_by_it_and_afterwards_by_its_own() -> None:
    before = time.monotonic
    with steady_clock() as clock:
        assert asyncio.run(_loop_time()) - clock() < 1
        assert time.monotonic is clock
        asyncio.run(asyncio.sleep(0.2))
    assert time.monotonic is before


async def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def test_it_stands_still_with_the_process() -> None:
    program = """
        import time
        real = time.monotonic
        from tests.support.steady_clock import steady_clock
        with steady_clock() as clock:
            began = real(), clock()
            print(flush=True)
            input()
            print(real() - began[0], clock() - began[1], flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(1)
        process.send_signal(signal.SIGCONT)
        passed_s, counted_s = map(float, process.communicate("\n")[0].split())
    assert passed_s - counted_s > 0.8  # at most a tick of that second was counted
