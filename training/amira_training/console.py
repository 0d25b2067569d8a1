"""What the commands say: one console, progress bars that stay out of logs, tables."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

T = TypeVar("T")

console = Console(highlight=False, soft_wrap=True)
_LINE_EVERY_S = 20.0


def say(message: str) -> None:
    """One line; square brackets are plain text."""
    console.print(message, markup=False)


class Bar:
    """A progress bar on a terminal; elsewhere a line every 20 seconds."""

    def __init__(self, progress: Progress, task: TaskID, title: str, total: float) -> None:
        self._progress = progress
        self._task = task
        self._title = title
        self._total = total
        self._last_line_s = time.monotonic()

    def show(self, done: float, note: str = "") -> None:
        """Moves the bar to ``done`` of the total."""
        self._progress.update(self._task, completed=min(done, self._total), note=note)
        if not console.is_terminal and time.monotonic() - self._last_line_s > _LINE_EVERY_S:
            self._last_line_s = time.monotonic()
            say(f"{self._title}: {min(1.0, done / max(self._total, 1e-9)):.0%} {note}".rstrip())


@contextmanager
def bar(title: str, total: float) -> Iterator[Bar]:
    """Shows a progress bar while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task(title, total=total, note=""), title, total)


def counted(title: str, items: Sequence[T]) -> Iterator[T]:
    """The items, one by one, with a bar."""
    with bar(title, len(items)) as shown:
        for number, item in enumerate(items):
            yield item
            shown.show(number + 1)


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table; the first column is text, the others are figures."""
    shown = Table(title=title, title_justify="left")
    for index, name in enumerate(header):
        shown.add_column(name, justify="right" if index else "left")
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
