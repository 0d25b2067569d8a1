"""A file that is replaced by every write: whole whoever reads it, and whenever its writer is killed.

For formats of which a part is worth nothing. What is said in an hour is about a megabyte: to write it again
for every result costs little.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from amira_local.captions.live_file import LiveFile


class ReplacedFile(LiveFile):
    """Its settled content is in memory, too; see GrowingFile for one that can be followed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """`descriptor`: the file as it is now, locked."""
        super().__init__(path, descriptor)
        self._target = path.resolve()
        self._settled = b""
        self._written_bytes = 0

    @property
    def owes(self) -> bool:
        return self._written_bytes < len(self._settled)

    def write(self, settled: str, tail: str = "", *, durable: bool = False) -> None:
        self._settled += settled.encode()
        part = self._target.with_name(f".{self._target.name}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            lock(descriptor)  # whoever opens the new file finds it in use, as the old one was
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(self._settled + tail.encode())
            if durable:
                os.fdatasync(descriptor)
            os.replace(part, self._target)
        except BaseException:
            os.close(descriptor)
            part.unlink(missing_ok=True)
            raise
        self.close()
        self._descriptor = descriptor
        self._written_bytes = len(self._settled)


def lock(descriptor: int) -> None:
    """Keeps other writers of ours away, where the file system can.

    Raises:
        BlockingIOError: somebody else writes it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # not every network file system has locks
