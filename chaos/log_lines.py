"""What the services' logs say about a run: streams that moved to another replica, and errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Move:
    """A stream that a gateway took to another replica."""

    time: float
    """Seconds since the epoch."""
    session_id: str
    cause: str
    """Reason, as in docs/ERRORS.md."""


def moves(log_dir: Path) -> list[Move]:
    """All moves, in order of time."""
    found = [
        Move(
            datetime.fromisoformat(entry["timestamp"]).timestamp(),
            entry["session_id"],
            str(entry.get("cause")),
        )
        for path in log_dir.glob("gateway-*.log")
        for entry in _entries(path)
        if entry.get("event") == "stream_moved"
    ]
    return sorted(found, key=lambda move: move.time)


def errors(log_dir: Path) -> Counter[str]:
    """Lines of level error by replica and event, and tracebacks: defects that nothing caught."""
    found: Counter[str] = Counter()
    for path in sorted(log_dir.glob("*.log")):
        for entry in _entries(path):
            if entry.get("level") in ("error", "critical"):
                found[f"{path.stem}: {entry.get('event')}"] += 1
        tracebacks = path.read_text(errors="replace").count("\nTraceback (most recent call last)")
        if tracebacks:
            found[f"{path.stem}: traceback"] += tracebacks
    return found


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # a line of a library
        if isinstance(entry, dict):
            yield entry
