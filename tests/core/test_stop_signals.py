"""SIGTERM and SIGINT before a service runs, while it starts, and a second one; also as process 1."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import catches

SLOW_IMPORTS = """
from amira_core.stop_signals import exit_on_signal
exit_on_signal("decoder")
print("importing", flush=True)
import time
time.sleep(600)
"""
SLOW_DRAIN = """
from amira_core.stop_signals import exit_on_signal
exit_on_signal("decoder")
import asyncio, sys, time
import uvloop
from amira_core.rpc.server import run_until_signal

async def drain():
    print("draining", flush=True)
    {drain}

async def work():
    print("running", flush=True)
    await asyncio.Event().wait()

async def serve():
    if {starting}:
        print("starting", flush=True)
        await asyncio.to_thread(time.sleep, 600)
    await run_until_signal(work(), drain=drain)

uvloop.run(serve())
"""


@contextmanager
def python(program: str, *prefix: str) -> Iterator[subprocess.Popen[str]]:
    command = [*prefix, sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == words + "\n"


def killed_by(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Exit status and what it wrote to its log."""
    process.send_signal(number)
    _, log = process.communicate(timeout=120)
    return process.returncode, log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("program", "words"),
    [(SLOW_IMPORTS, "importing"), (SLOW_DRAIN.format(starting=True, drain=""), "starting")],
    ids=["imports", "warm-up in a thread"],
)
def test_a_start_ends_at_once_with_one_line(program: str, words: str, number: signal.Signals) -> None:
    with python(program) as process:
        said(process, words)
        status, log = killed_by(process, number)
    assert status == 0
    (line,) = map(json.loads, log.splitlines())
    assert (line["event"], line["cause"], line["service"]) == ("stopped_at_start", number.name, "decoder")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_start_goes_on_when_the_log_level_is_asked_for(number: signal.Signals) -> None:
    with python(SLOW_IMPORTS) as process:
        said(process, "importing")
        process.send_signal(number)
        status, log = killed_by(process, signal.SIGTERM)
    assert status == 0
    assert "stopped_at_start" in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("drain", ["await asyncio.sleep(600)", "time.sleep(600)"], ids=["waits", "blocks"])
def test_a_second_signal_ends_a_drain_at_once(drain: str, number: signal.Signals) -> None:
    with python(SLOW_DRAIN.format(starting=False, drain=drain)) as process:
        said(process, "running")
        process.send_signal(signal.SIGTERM)
        said(process, "draining")
        assert killed_by(process, number) == (-number, "")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare for a pid namespace"
)
@pytest.mark.parametrize("starting", [True, False])
def test_as_process_one_of_a_container(starting: bool) -> None:
    program = SLOW_DRAIN.format(starting=starting, drain="await asyncio.sleep(600)")
    with python(program, "unshare", "--pid", "--fork", "--kill-child") as outer:
        said(outer, "starting" if starting else "running")
        (child,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        if not starting:
            said(outer, "draining")
            os.kill(int(child), signal.SIGTERM)
        _, log = outer.communicate(timeout=120)
    assert outer.returncode == (0 if starting else 128 + signal.SIGTERM)
    assert ("stopped_at_start" in log) == starting


def start(service: str, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", f"amira_{service}"],
            env={**os.environ, f"AMIRA_{service.upper()}_LISTEN": "127.0.0.1:0", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc whether the program has begun")
@pytest.mark.parametrize("service", ["gateway", "frontend", "decoder"])
def test_real_services_at_any_moment_of_their_start(service: str, tmp_path: Path) -> None:
    """The kernels' cache is empty, so that the warm-up compiles, as in a new container."""
    environment = {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "AMIRA_DECODER_ENCODER": "in_process",
        "AMIRA_DECODER_IN_PROCESS_ENGINE": "onnxruntime",
        "AMIRA_DECODER_SEARCH": "beam",
    }
    for number, delay_s in enumerate((0.0, 1.0, 2.5) if service == "decoder" else (0.0, 0.5)):
        log = tmp_path / f"{number}.log"
        process = start(service, environment, log)
        try:
            while not catches(process.pid, signal.SIGTERM):
                time.sleep(0.01)
            time.sleep(delay_s)
            process.terminate()
            status = process.wait(120)
        finally:
            process.kill()
            process.wait()
        assert status == 0, log.read_text()
        assert "Traceback" not in log.read_text()
        assert any(word in log.read_text() for word in ("stopped_at_start", "stopping"))
