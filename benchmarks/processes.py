"""CPU time and memory of a stack's processes, read from /proc (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from amira_local.stack import LocalStack

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """What a service and its children have used."""

    cpu_s: float
    memory_mib: float


def usage_by_service(stack: LocalStack) -> dict[str, Usage]:
    """Totals over each service's process and everything below it."""
    children = _children_by_pid()
    return {name: _usage(process.pid, children) for name, process in stack.processes.items()}


def _usage(pid: int, children: dict[int, list[int]]) -> Usage:
    cpu_s = memory_mib = 0.0
    pending = [pid]
    while pending:
        current = pending.pop()
        pending += children.get(current, [])
        try:
            stat = Path(f"/proc/{current}/stat").read_text().rsplit(")", 1)[1].split()
            resident_pages = int(Path(f"/proc/{current}/statm").read_text().split()[1])
        except FileNotFoundError:
            continue
        cpu_s += (int(stat[11]) + int(stat[12])) / _TICKS_PER_S
        memory_mib += resident_pages * _PAGE_BYTES / 2**20
    return Usage(cpu_s, memory_mib)


def _children_by_pid() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    return children
