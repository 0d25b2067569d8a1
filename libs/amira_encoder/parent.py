"""Ending with the process that this one works for."""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path


def end_with_parent() -> None:
    """Ends this process as soon as its parent is gone, whatever its other threads wait for.

    Triton's python backend watches its server too, but a server that is killed in the middle of a request
    leaves a lock in shared memory locked, and whoever waits for it waits for ever.
    """
    parent = os.getppid()
    if parent == 1 and not _was_started_by(parent):
        os._exit(1)  # it went before this process came this far
    try:
        descriptor = os.pidfd_open(parent)
    except OSError:  # gone already, or a kernel before 5.3: the backend's own watch has to do
        return
    threading.Thread(target=_wait_and_end, args=(descriptor,), name="parent", daemon=True).start()


def _was_started_by(parent: int) -> bool:
    """Triton names itself among the backend's arguments; where they cannot be read, it is believed."""
    try:
        arguments = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    return str(parent).encode() in arguments


def _wait_and_end(descriptor: int) -> None:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    waiting.poll()
    os._exit(1)
