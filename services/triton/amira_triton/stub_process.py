"""The python backend's stub processes, one per model, seen from outside.

Triton never restarts a stub that died and notices its death only when a request fails 1 s later.
The supervisor knows at once: the kernel tells it through a pidfd.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_NAME = "triton_python_b"  # the kernel keeps 15 characters of triton_python_backend_stub


def find_stub(server_pid: int, model: str | None = None) -> int | None:
    """The process id of the stub that runs a model (None: any model), None when there is none."""
    return next((pid for pid in find_stubs(server_pid) if model is None or _runs(pid, model)), None)


def find_stubs(server_pid: int) -> list[int]:
    """The process ids of all stubs of a server."""
    return [pid for pid in _children(server_pid) if _is_stub(pid)]


async def wait_for_exit(pid: int) -> None:
    """Returns when the process is gone, which it may be already. It need not be a child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def kill_stub(server_pid: int, model: str) -> None:
    """Kills a model's stub if there is one: a hung stub would also hang its model's unloading."""
    stub = find_stub(server_pid, model)
    if stub is not None:
        with suppress(ProcessLookupError):
            os.kill(stub, signal.SIGKILL)


def kill_leftovers(is_leftover: Callable[[str], bool]) -> list[int]:
    """Kills the stubs that hang without a server: their regions, which are arguments, are leftovers."""
    killed = []
    for pid in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
        if _is_stub(pid) and any(is_leftover(argument) for argument in _arguments(pid)):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
    return killed


def _children(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, path.read_text().split())


def _is_stub(pid: int) -> bool:
    try:
        # A killed stub stays a zombie until the server waits for it.
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return False
    return name == _NAME and rest.split()[0] != "Z"


def _runs(pid: int, model: str) -> bool:
    """The name of the model's instance is one of the stub's arguments: one group of one instance."""
    return f"{model}_0_0" in _arguments(pid)


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
