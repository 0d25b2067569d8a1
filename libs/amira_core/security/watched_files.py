"""Whether files have changed since they were last read: what hot reloading rests on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

Signature = tuple[tuple[int, int, int] | None, ...]


def signature(paths: Sequence[Path]) -> Signature:
    """What tells one version of the files from the next; None for a file that is not there.

    Inode, size and time of change: a file that was renamed into place differs even when it is as large
    and as old as the one before, and links are followed (Kubernetes swaps a link for mounted secrets).
    """
    return tuple(_one(path) for path in paths)


def _one(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
