"""One log file per service, so that a session can be read again."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO


class LogFiles:
    """Appends lines to ``<folder>/<service>.log``; without a folder it keeps nothing.

    Files are begun anew when the stack first writes to them.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, TextIO] = {}

    def write(self, service: str, line: str) -> None:
        """Adds one line."""
        if self._folder is None:
            return
        if service not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files[service] = (self._folder / f"{service}.log").open("w", buffering=1)
        self._files[service].write(line + "\n")

    def close(self) -> None:
        """Closes the files; a later write begins them anew."""
        for file in self._files.values():
            file.close()
        self._files.clear()
