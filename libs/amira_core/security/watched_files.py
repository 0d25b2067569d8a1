"""Files that are read again when they change: certificates, keys, lists of who may come in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from amira_core.settings import BadSettingsError

_log = structlog.get_logger(__name__)

T = TypeVar("T")
Signature = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles(Generic[T]):
    """What was made of some files, made again once they have changed. Safe to use from any thread.

    Files that cannot be used (damaged, half of a pair replaced, gone) leave the value as it was until
    they can: a slip while editing must not lock everybody out. The log says so once.
    """

    def __init__(self, paths: Sequence[Path], load: Callable[[], T]) -> None:
        """`load` reads the files. Raises the BadSettingsError that it raises."""
        self._paths = tuple(paths)
        self._load = load
        self._lock = threading.Lock()
        self._seen = self.signature()
        self._problem_seen: Signature | None = None
        self._value = load()

    def get(self) -> T:
        """The value for the files as they are now; costs one stat each."""
        with self._lock:
            now = self.signature()
            if now not in (self._seen, self._problem_seen):
                self._reload(now)
            return self._value

    def signature(self) -> Signature:
        """What tells one version of the files from the next.

        Inode, size and time of change: a file that was renamed into place differs even when it is as
        large and as old as the one before. Links are followed (Kubernetes swaps one for mounted secrets).
        """
        return tuple(_one(path) for path in self._paths)

    def _reload(self, now: Signature) -> None:
        try:
            self._value = self._load()
        except BadSettingsError as problem:
            _log.error("files_not_reloaded", problem=str(problem))
            self._problem_seen = now
            return
        self._seen, self._problem_seen = now, None
        _log.info("files_reloaded", paths=[str(path) for path in self._paths])


def _one(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
