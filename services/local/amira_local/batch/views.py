"""A run as bars on a terminal, or as lines elsewhere."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from amira_local.batch.find import Recording
from amira_local.batch.outcome import Outcome
from amira_local.log_view import printable

DONE_BEFORE = "done before"

_MOST_ROWS = 12
_NARROW = 60


class BatchView(Protocol):
    """Hears what happens, in order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def total(self, recordings: int, audio_s: float) -> None:
        """How much there is to do; the audio is known little by little."""

    def begins(self, recording: Recording, audio_s: float | None) -> None:
        """A recording is sent."""

    def advances(self, recording: Recording, audio_s: float) -> None:
        """So much of it is transcribed."""

    def waits(self, recording: Recording, reason: str) -> None:
        """The server does not take it yet."""

    def ends(self, recording: Recording, outcome: Outcome, how: str) -> None:
        """It is transcribed (`how` is empty), was before, or failed."""

    def say(self, words: str) -> None:
        """What a person should know."""


class Lines:
    """One line per recording that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._recordings = 0
        self._waits: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def total(self, recordings: int, audio_s: float) -> None:
        """See BatchView."""
        self._recordings = recordings

    def begins(self, recording: Recording, audio_s: float | None) -> None:
        """Says nothing."""

    def advances(self, recording: Recording, audio_s: float) -> None:
        """Says nothing."""

    def waits(self, recording: Recording, reason: str) -> None:
        """Says each reason once."""
        if reason not in self._waits:
            self._waits.add(reason)
            self.say(f"waiting: {reason}")

    def ends(self, recording: Recording, outcome: Outcome, how: str) -> None:
        """See BatchView. What was done before is in the summary."""
        tried = outcome.done + outcome.done_before + len(outcome.failures)
        if how != DONE_BEFORE:
            self.say(f"{tried}/{self._recordings} {name_of(recording.path)}{f': {how}' if how else ''}")

    def say(self, words: str) -> None:
        """See BatchView."""
        self._console.print(printable(words), soft_wrap=True, highlight=False, markup=False)


class Bars(Lines):
    """Bars for files, audio and every recording that is being sent; above them what should stay."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        narrow = console.width < _NARROW
        # Not Progress's own speed and time left: they are of its last updates, which come in bursts.
        self._overall = _bars(console, narrow)
        self._each = _bars(console, narrow)
        self._files = self._overall.add_task("files", total=None, note="")
        self._audio = self._overall.add_task("audio", total=None, note="")
        self._rows: dict[Recording, TaskID] = {}
        self._sent_s: dict[Recording, float] = {}
        self._done_s = 0.0
        self._total_s = 0.0
        self._begun_at: float | None = None
        self._live = Live(
            Group(self._each, self._overall), console=console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Removes the bars."""
        self._live.stop()

    def total(self, recordings: int, audio_s: float) -> None:
        """See BatchView."""
        super().total(recordings, audio_s)
        self._total_s = audio_s
        self._overall.update(self._files, total=recordings)
        self._show_speed()

    def begins(self, recording: Recording, audio_s: float | None) -> None:
        """See BatchView."""
        if self._begun_at is None:
            self._begun_at = time.monotonic()
        if recording in self._rows:
            self._each.update(self._rows[recording], note="", completed=0)
        elif len(self._rows) < _MOST_ROWS:
            self._rows[recording] = self._each.add_task(name_of(recording.place), total=audio_s, note="")
        self._sent_s[recording] = 0.0

    def advances(self, recording: Recording, audio_s: float) -> None:
        """See BatchView."""
        self._sent_s[recording] = audio_s
        if recording in self._rows:
            self._each.update(self._rows[recording], completed=audio_s, note=clock(audio_s))
        self._show_speed()

    def waits(self, recording: Recording, reason: str) -> None:
        """See BatchView."""
        if recording in self._rows:
            self._each.update(self._rows[recording], note=f"waiting: {reason}", completed=0)

    def ends(self, recording: Recording, outcome: Outcome, how: str) -> None:
        """See BatchView."""
        self._sent_s.pop(recording, None)
        self._done_s = outcome.audio_s
        if recording in self._rows:
            self._each.remove_task(self._rows.pop(recording))
        note = f"{outcome.done_before} done before" if outcome.done_before else ""
        if outcome.failures:
            note = f"{note}{', ' if note else ''}{len(outcome.failures)} failed"
        tried = outcome.done + outcome.done_before + len(outcome.failures)
        count = f"{tried}/{self._recordings}"
        self._overall.update(self._files, completed=tried, note=f"{count}{', ' if note else ''}{note}")
        self._show_speed()
        if how.startswith("failed"):
            self.say(f"{name_of(recording.path)}: {how}")

    def say(self, words: str) -> None:
        """See BatchView."""
        self._live.console.print(Text(printable(words)), soft_wrap=True, highlight=False)

    def _show_speed(self) -> None:
        done_s = self._done_s + sum(self._sent_s.values())
        note = clock(done_s)
        if self._total_s:
            note += f"/{clock(self._total_s)}"
        if self._begun_at is not None and (elapsed_s := time.monotonic() - self._begun_at) > 1 and done_s:
            speed = done_s / elapsed_s
            note += f", {speed:.1f} x real time"
            if self._total_s > done_s:
                note += f", {clock((self._total_s - done_s) / speed)} left"
        self._overall.update(self._audio, completed=done_s, total=self._total_s or None, note=note)


def name_of(path: Path) -> str:
    """A path that can be shown: names may hold anything."""
    return printable(os.fspath(path)).replace("\n", "\N{REPLACEMENT CHARACTER}")


def summary(outcome: Outcome) -> str:
    """The run in a sentence or two."""
    if not outcome.recordings:
        return "There is nothing to transcribe."
    parts = [f"{outcome.done} transcribed"]
    if outcome.done_before:
        parts.append(f"{outcome.done_before} done before")
    if outcome.failures:
        parts.append(f"{len(outcome.failures)} failed")
    if outcome.untried:
        parts.append(f"{outcome.untried} not tried")
    words = f"{_files(outcome.recordings)}: {', '.join(parts)}."
    if outcome.audio_s and outcome.elapsed_s:
        words += (
            f" {clock(outcome.audio_s)} of audio in {clock(outcome.elapsed_s)}"
            f" ({outcome.audio_s / outcome.elapsed_s:.1f} x real time)."
        )
    return words


def clock(time_s: float) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    minutes, rest_s = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _bars(console: Console, narrow: bool) -> Progress:
    name = TextColumn("{task.description}", markup=False, table_column=_column(14 if narrow else 30))
    note = TextColumn("{task.fields[note]}", markup=False, table_column=_column(None))
    bar = BarColumn(bar_width=8 if narrow else 30)
    return Progress(name, bar, note, console=console, auto_refresh=False)


def _column(width: int | None) -> Column:
    return Column(no_wrap=True, overflow="ellipsis", width=width)
