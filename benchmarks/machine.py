"""What the machine is, who uses its CPUs, and what processes take: all from /proc (Linux)."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
BUSY_CORES = 0.1
"""Other processes that take more than this make a run's figures doubtful."""


@dataclass(frozen=True)
class Usage:
    """What processes have used."""

    cpu_s: float
    memory_mib: float


@dataclass(frozen=True)
class Moment:
    """CPU and memory by group of processes, and of the whole machine, at one time."""

    at_s: float
    groups: Mapping[str, Usage]
    busy_s: float
    """CPU seconds that this machine's CPUs (those we may use) have worked, for whomever."""
    idle_priority_s: float
    """Those of them at low priority (nice)."""


@dataclass(frozen=True)
class Load:
    """CPU between two moments, in cores."""

    seconds: float
    cores: Mapping[str, float]
    """By group."""
    others: float
    """What other processes used at normal priority."""
    others_nice: float
    """What they used at low priority: that steps aside, but not at no cost."""
    memory_mib: Mapping[str, float]

    @property
    def busy(self) -> bool:
        """Whether somebody else used enough of the machine to spoil the figures."""
        return self.others + self.others_nice > BUSY_CORES

    def as_json(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds, 2),
            "cores": {name: round(value, 4) for name, value in self.cores.items()},
            "other_processes_cores": round(self.others, 3),
            "other_low_priority_cores": round(self.others_nice, 3),
            "machine_busy": self.busy,
            "memory_mib": {name: round(value, 1) for name, value in self.memory_mib.items()},
        }


def moment(groups: Mapping[str, Sequence[int]]) -> Moment:
    """Reads all counters now."""
    busy_s, nice_s = _machine_s()
    return Moment(time.monotonic(), {name: usage(pids) for name, pids in groups.items()}, busy_s, nice_s)


def between(before: Moment, after: Moment) -> Load:
    """What was used from one moment to the other."""
    seconds = max(after.at_s - before.at_s, 1e-9)
    empty = Usage(0.0, 0.0)
    cores = {
        name: max(0.0, (now.cpu_s - before.groups.get(name, empty).cpu_s) / seconds)
        for name, now in after.groups.items()
    }
    total = (after.busy_s - before.busy_s) / seconds
    nice = (after.idle_priority_s - before.idle_priority_s) / seconds
    normal = total - nice
    if os.nice(0) > 0:  # then so are our servers
        nice -= sum(cores.values())
    else:
        normal -= sum(cores.values())
    return Load(
        seconds,
        cores,
        max(0.0, normal),
        max(0.0, nice),
        {name: now.memory_mib for name, now in after.groups.items()},
    )


def usage(pids: Iterable[int]) -> Usage:
    """Totals over processes; those that are gone count nothing."""
    cpu_s = memory_mib = 0.0
    for pid in pids:
        try:
            stat = (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
            resident_pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
        except OSError:
            continue
        cpu_s += (int(stat[11]) + int(stat[12])) / _TICKS_PER_S
        memory_mib += resident_pages * _PAGE_BYTES / 2**20
    return Usage(cpu_s, memory_mib)


def processes_below(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, pending = [], [pid]
    while pending:
        current = pending.pop()
        found.append(current)
        pending += children.get(current, [])
    return found


def _machine_s() -> tuple[float, float]:
    """(busy, nice part of it) CPU seconds of the CPUs that this process may use."""
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    busy = nice = 0.0
    for line in (_PROC / "stat").read_text().splitlines():
        name, *fields = line.split()
        if name in ours:
            user, low, system, _, _, irq, soft, steal = (int(field) for field in fields[:8])
            busy += user + low + system + irq + soft + steal
            nice += low
    return busy / _TICKS_PER_S, nice / _TICKS_PER_S


def description() -> dict[str, Any]:
    """The machine and the versions that figures depend on."""
    return {
        "cpu": _cpu_name(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES / 2**30, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {
            name: found
            for name in (
                "grpcio",
                "numpy",
                "numba",
                "onnxruntime",
                "openvino",
                "sherpa-onnx",
                "sherpa-onnx-bin",
            )
            if (found := _version(name))
        },
        "load_average_at_start": [round(value, 2) for value in os.getloadavg()],
    }


def _cpu_name() -> str:
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
