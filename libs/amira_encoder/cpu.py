"""What this machine's CPUs can do."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def has_fast_bf16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether bfloat16 products run in hardware (AVX512-BF16 or AMX); False where that is unknown.

    Asked of the kernel and not of the engine: engines also list bf16 where they emulate it.
    """
    return not _flags(cpuinfo).isdisjoint({"avx512_bf16", "amx_bf16"})


@cache
def has_int8_products(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether vectors of bytes are multiplied and added up in one instruction (AVX512-VNNI)."""
    return _flags(cpuinfo) >= {"avx512f", "avx512bw", "avx512vl", "avx512_vnni"}


def _flags(cpuinfo: Path) -> set[str]:
    try:
        return set(cpuinfo.read_text().split("flags", 1)[-1].split("\n", 1)[0].split())
    except OSError:
        return set()


def usable_cpus(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """CPUs that this process may use: its affinity, and its container's limit, rounded up."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        microseconds, period = quota.read_text().split()
        return max(1, min(cpus, math.ceil(int(microseconds) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup v2, or "max": no limit
        return cpus


def has_machine_to_itself() -> bool:
    """Whether no affinity or container limit keeps this process from any of the machine's CPUs."""
    return usable_cpus() == os.cpu_count()


def engine_threads() -> int:
    """Threads of an engine where nobody says how many.

    All CPUs of a container's limit. Half of the machine's where there is no limit: the search and the other
    services want the rest, and a second thread on two CPUs took twice the CPU time and was no faster.
    """
    return max(1, usable_cpus() // 2) if has_machine_to_itself() else usable_cpus()
