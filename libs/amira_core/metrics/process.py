"""What every process says of itself: memory, CPU, descriptors, threads, tasks, garbage collection."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import resource
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from amira_core.logs import log_counts
from amira_core.metrics.registry import Reading
from amira_core.metrics.schema import Common

_SELF = Path("/proc/self")
_FIELDS_BEFORE_THREADS = 17  # of /proc/self/stat, counted from behind the name
_FIELDS_BEFORE_START = 19
_FIELDS_BEFORE_PAGES = 21


class ProcessReadings:
    """Reads the running process; one per process, for it watches the garbage collector."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._gc = GcWatch()

    def read(self) -> Iterable[Reading]:
        """All readings of the process; some microseconds each."""
        yield Common.BUILD, 1.0, (self._service, version(), platform.python_version())
        times = os.times()
        yield Common.CPU, times.user + times.system
        yield Common.DESCRIPTOR_LIMIT, float(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        yield Common.TASKS, float(len(asyncio.all_tasks()))
        if _SELF.exists():
            yield from _from_proc()
        yield from self._gc.read()
        lines, dropped = log_counts()
        for level in Common.LOG_LINES.values["level"]:
            yield Common.LOG_LINES, float(lines.get(level, 0)), (level,)
        yield Common.LOG_LINES_DROPPED, float(dropped)

    def close(self) -> None:
        """Leaves the garbage collector alone."""
        self._gc.close()


class GcWatch:
    """Counts and times runs of the garbage collector.

    In plain numbers: a run can begin anywhere, also where a lock of a metric is held.
    """

    def __init__(self) -> None:
        self._began_at = 0.0
        self._pause_s = [0.0, 0.0, 0.0]
        gc.callbacks.append(self._called)

    def read(self) -> Iterable[Reading]:
        """Since the start of the process; the pauses since the watch began."""
        for generation, stats in enumerate(gc.get_stats()):
            yield Common.GC_COLLECTIONS, float(stats["collections"]), (str(generation),)
            yield Common.GC_PAUSE, self._pause_s[generation], (str(generation),)

    def close(self) -> None:
        """Ends the watch."""
        gc.callbacks.remove(self._called)

    def _called(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began_at = time.perf_counter()
        else:
            self._pause_s[info["generation"]] += time.perf_counter() - self._began_at


def version() -> str:
    """Of the installed Amira."""
    try:
        return metadata.version("amira-asr")
    except metadata.PackageNotFoundError:  # run from its sources
        return "unknown"


def resident_bytes(pid: int | str = "self") -> int:
    """Memory in RAM of a process; 0 when there is none of that id. Linux alone."""
    try:
        fields = _stat(pid)
    except OSError:
        return 0
    return int(fields[_FIELDS_BEFORE_PAGES]) * resource.getpagesize()


def _from_proc() -> Iterable[Reading]:
    fields = _stat("self")
    yield Common.RESIDENT_MEMORY, float(resident_bytes())
    yield Common.THREADS, float(fields[_FIELDS_BEFORE_THREADS])
    since_boot_s = int(fields[_FIELDS_BEFORE_START]) / os.sysconf("SC_CLK_TCK")
    boot_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    yield Common.START_TIME, round(boot_s + since_boot_s, 2)
    # The listing itself holds one.
    yield Common.OPEN_DESCRIPTORS, float(len(os.listdir(_SELF / "fd")) - 1)


def _stat(pid: int | str) -> list[str]:
    # The name stands in parentheses and may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
