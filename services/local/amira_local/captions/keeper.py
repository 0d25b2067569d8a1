"""Writes captions beside the stream: a disk that is slow or full must not hold up what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from amira.asr.v1.result_pb2 import StreamingResult


class Captions(Protocol):
    """A file that takes what is said."""

    def add(self, final: StreamingResult) -> None:
        """Raises OSError."""

    def show(self, interim: StreamingResult) -> None:
        """Raises OSError."""

    def close(self) -> None:
        """Raises OSError."""


class Keeper:
    """Takes results between :meth:`start` and :meth:`finish`; a task writes them."""

    def __init__(self, files: Sequence[Captions], on_trouble: Callable[[str], None]) -> None:
        """`on_trouble` hears of a file that cannot be written, once until it can again."""
        self._files = files
        self._on_trouble = on_trouble
        self._finals: list[StreamingResult] = []
        self._interim: StreamingResult | None = None
        self._news = asyncio.Event()
        self._over = False
        self._in_trouble: dict[int, str] = {}
        self._writing: asyncio.Task[None] | None = None
        self._say: Callable[[str], object] = on_trouble

    @property
    def failed(self) -> bool:
        """Whether some file lacks something."""
        return bool(self._in_trouble)

    def take(self, result: StreamingResult) -> None:
        """A result, to be written as soon as possible; interims that are outdated by then never are."""
        if result.is_final:
            self._finals.append(result)
            self._interim = None
        else:
            self._interim = result
        self._news.set()
        if self._writing is not None and self._writing.done():
            self._writing.result()  # raises what it broke with

    def start(self) -> None:
        """From now on files are written."""
        loop = asyncio.get_running_loop()
        self._say = lambda words: loop.call_soon_threadsafe(self._on_trouble, words)
        self._writing = loop.create_task(self._run(), name="amira-captions")

    async def finish(self) -> None:
        """Writes what is left, and closes the files."""
        self._over = True
        self._news.set()
        if self._writing is not None:
            await self._writing

    async def _run(self) -> None:
        while not self._over or self._finals:
            await self._news.wait()
            self._news.clear()
            finals, self._finals = self._finals, []
            interim, self._interim = self._interim, None
            await asyncio.to_thread(self._write, finals, None if self._over else interim)
        for file in self._files:
            await asyncio.to_thread(self._try, file, file.close)

    def _write(self, finals: Sequence[StreamingResult], interim: StreamingResult | None) -> None:
        for file in self._files:
            for final in finals:
                self._try(file, partial(file.add, final))
            if interim is not None:
                self._try(file, partial(file.show, interim))

    def _try(self, file: Captions, do: Callable[[], None]) -> None:
        try:
            do()
        except OSError as error:
            reason = error.strerror or str(error)
            if self._in_trouble.get(id(file)) != reason:
                self._in_trouble[id(file)] = reason
                self._say(f"{getattr(file, 'path', 'A file')} cannot be written: {reason}.")
        else:
            self._in_trouble.pop(id(file), None)
