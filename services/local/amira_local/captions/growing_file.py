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


class GrowingFile:
    """Settled content, and a tail that may still change."""

    def __init__(self, path: Path, descriptor: int, settled_bytes: int) -> None:
        """`settled_bytes` of the open file stay as they are; it holds no more."""
        self.path = path
        self._descriptor = descriptor
        self._settled_bytes = settled_bytes
        self._tail = b""
        self._owed = b""

    @property
    def owes(self) -> bool:
        """Whether something found no room yet."""
        return bool(self._owed)

    def write(self, settled: str, tail: str = "", *, durable: bool = False) -> None:
        """Settles content for good, and puts a new tail behind it.

        `durable`: it is to survive the machine, too.

        Raises:
            OSError: there was no room, or the like. The file is as it was; what was to be settled
                is written with the next call.
        """
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

    def close(self) -> None:
        """Gives the file back; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _put(self, content: bytes) -> None:
        written = os.pwrite(self._descriptor, content, self._settled_bytes)
        if written < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
