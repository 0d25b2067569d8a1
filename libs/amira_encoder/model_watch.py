"""Noticing that a model folder holds another model than before."""

from __future__ import annotations

import asyncio
from pathlib import Path

Signature = tuple[object, ...]


class ModelWatch:
    """Says when a model folder should be looked at: on request, and when its files have changed.

    The folder may be a link, which is best replaced as a whole: a model whose files arrive one by one is
    seen as changed only once they have been the same for one interval.
    """

    def __init__(self, folder: Path, interval_s: float) -> None:
        """`interval_s`: how often the files are looked at; 0: only on request."""
        self._folder = folder
        self._interval_s = interval_s
        self._asked = asyncio.Event()
        self._seen = signature(folder)

    def look_now(self) -> None:
        """The next :meth:`changed` returns at once."""
        self._asked.set()

    async def changed(self) -> None:
        """Waits until someone asked, or the files have changed and stand still."""
        before = self._seen
        while not self._asked.is_set():
            try:
                async with asyncio.timeout(self._interval_s or None):
                    await self._asked.wait()
            except TimeoutError:
                now = await asyncio.to_thread(signature, self._folder)
                if now == before and now != self._seen:
                    break
                before = now
        self._asked.clear()
        self._seen = await asyncio.to_thread(signature, self._folder)


def signature(folder: Path) -> Signature:
    """What tells one content of a folder from the next: where its link leads, each file's inode and times."""
    try:
        target = folder.resolve()
        files = [(path.name, path.stat()) for path in sorted(target.iterdir()) if path.is_file()]
    except OSError:
        return ()
    return (target, *((name, s.st_ino, s.st_size, s.st_mtime_ns) for name, s in files))
