"""A file that others read while it is written."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path


class LiveFile(ABC):
    """Settled content, and a tail that may still change."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """`descriptor`: the open file, which is closed with this."""
        self.path = path
        self._descriptor = descriptor

    @property
    @abstractmethod
    def owes(self) -> bool:
        """Whether something settled found no room yet."""

    @abstractmethod
    def write(self, settled: str, tail: str = "", *, durable: bool = False) -> None:
        """Settles content for good, and puts a new tail behind it.

        `durable`: it is to survive the machine, too.

        Raises:
            OSError: there was no room, or the like. The file is as it was; what was to be settled
                is written with the next call.
        """

    def close(self) -> None:
        """Gives the file back; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
