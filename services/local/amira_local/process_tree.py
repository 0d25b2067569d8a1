"""Which processes a process has started (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessInfo:
    """A process as the kernel names it."""

    pid: int
    name: str
    """At most 15 characters, as in /proc/PID/comm."""
    parent_pid: int

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def descendants(pid: int) -> list[ProcessInfo]:
    """Children, grandchildren and so on of `pid`; empty where there is no /proc."""
    every = [info for info in map(_read, _PROC.glob("[0-9]*/stat")) if info is not None]
    family, found = {pid}, True
    while found:
        children = {info.pid for info in every if info.parent_pid in family} - family
        family |= children
        found = bool(children)
    return [info for info in every if info.pid in family - {pid}]


def _read(stat: Path) -> ProcessInfo | None:
    try:
        content = stat.read_text(errors="replace")
    except OSError:
        return None  # it ended meanwhile
    # The name stands in brackets and may hold anything, brackets and spaces too.
    before, _, after = content.rpartition(")")
    number, _, name = before.partition(" (")
    return ProcessInfo(int(number), name, int(after.split()[1]))
