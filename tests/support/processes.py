"""What the kernel says of other processes."""

from __future__ import annotations

import signal
from pathlib import Path


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal, as programs have from their first statements on."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)
