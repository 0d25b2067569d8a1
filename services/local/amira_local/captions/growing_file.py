"""A file to whose settled part is only ever added, so that programs can follow it (`tail -f`, players).

    head  settled  settled  ...  tail
    never touched again          replaced by the next write

A write is one system call that replaces the tail; where the new content is shorter, the rest becomes line
breaks, which mean nothing in these formats, and is cut off afterwards. Systems do not make it one step for
others: who reads during it, or after its writer was killed in it, may find the end cut short.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from amira_local.captions.live_file import LiveFile


class GrowingFile(LiveFile):
    """Its settled content is never written again; see ReplacedFile for one that is whole at any time."""

    def __init__(self, path: Path, descriptor: int, settled_bytes: int) -> None:
        """`settled_bytes` of the open file stay as they are; it holds no more."""
        super().__init__(path, descriptor)
        self._settled_bytes = settled_bytes
        self._tail = b""
        self._owed = b""

    @property
    def owes(self) -> bool:
        return bool(self._owed)

    def write(self, settled: str, tail: str = "", *, durable: bool = False) -> None:
        self._owed += settled.encode()
        content = self._owed + tail.encode()
        try:
            self._put(content.ljust(len(self._tail), b"\n"))
        except OSError:
            self._put(self._tail)  # its room is still there
            os.ftruncate(self._descriptor, self._settled_bytes + len(self._tail))
            raise
        os.ftruncate(self._descriptor, self._settled_bytes + len(content))
        self._settled_bytes += len(self._owed)
        self._tail = content[len(self._owed) :]
        self._owed = b""
        if durable:
            os.fdatasync(self._descriptor)

    def _put(self, content: bytes) -> None:
        written = os.pwrite(self._descriptor, content, self._settled_bytes)
        if written < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
