"""One log file per service, so that a session can be read again."""

from __future__ import annotations

import contextlib
from io import FileIO
from pathlib import Path


class LogFiles:
    """Appends lines to ``<folder>/<service>.log``; without a folder it keeps nothing.

    Files are begun anew when the stack first writes to them. A file that cannot be written (full disk)
    costs its lines and nothing else: a service whose output nobody took would stand still.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: dict[str, FileIO] = {}
        self._failing: set[str] = set()

    def prepare(self) -> None:
        """Makes the folder. Raises OSError when files cannot be written there."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / ".writable"
            probe.touch()
            probe.unlink()

    def write(self, service: str, line: str) -> str | None:
        """Adds one line; returns what is wrong when that has just begun to fail."""
        if self._folder is None:
            return None
        path = self._folder / f"{service}.log"
        try:
            if service not in self._files:
                # Unbuffered: what a full disk refuses is not tried again with every later line.
                self._files[service] = FileIO(path, "w")
            self._files[service].write(f"{line}\n".encode())
        except OSError as error:
            news = service not in self._failing
            self._failing.add(service)
            return f"{path} misses lines from here on: {error.strerror or error}" if news else None
        self._failing.discard(service)
        return None

    def close(self) -> None:
        """Closes the files; a later write begins them anew."""
        for file in self._files.values():
            with contextlib.suppress(OSError):  # the end of a log must not hinder the end of the stack
                file.close()
        self._files.clear()
