"""The python backend's shared memory: a name per instance, and leftovers of dead ones.

A server that is killed leaves its regions in /dev/shm for good. Their names say whose they were:
process id, start time and process namespace, so that only regions of supervisors that are
certainly gone are removed, also where containers share /dev/shm.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_SHM = Path("/dev/shm")  # noqa: S108 - the kernel's fixed place, not a temporary folder
_NAME = re.compile(r"^amira_triton_(?P<namespace>\d+)_(?P<pid>\d+)_(?P<started>\d+)_")


def region_prefix() -> str:
    """The prefix of this supervisor's regions."""
    return f"amira_triton_{_namespace()}_{os.getpid()}_{_start_time(os.getpid())}_"


def drain_file() -> Path:
    """The file that says to this supervisor's models that Triton is about to stop.

    It lies among the regions because that folder can be written to wherever Triton can run.
    """
    return _SHM / f"{region_prefix()}draining"


def is_leftover(region: str) -> bool:
    """Whether a region's supervisor is certainly gone."""
    owner = _NAME.match(region)
    if owner is None or int(owner["namespace"]) != _namespace():
        return False
    return _start_time(int(owner["pid"])) != int(owner["started"])


def remove_leftovers(folder: Path = _SHM) -> list[str]:
    """Removes the regions of supervisors that are gone; returns their names.

    Another user's are left to supervisors of that user.
    """
    removed = []
    for path in folder.glob("amira_triton_*"):
        if is_leftover(path.name):
            with suppress(PermissionError):
                path.unlink(missing_ok=True)
                removed.append(path.name)
    return sorted(removed)


def remove_own(folder: Path = _SHM) -> None:
    """Removes this supervisor's regions, once its server is gone."""
    for path in folder.glob(f"{region_prefix()}*"):
        path.unlink(missing_ok=True)


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _start_time(pid: int) -> int:
    """Clock ticks from boot to the process's start; -1 when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    return int(stat.rpartition(")")[2].split()[19])
