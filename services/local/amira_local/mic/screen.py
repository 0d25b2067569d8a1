"""The terminal while someone speaks: finals above, below them the open segment, the level, the state.

[   0.00    3.12] there once lived a man
and he was not an ill disposed            (firm: will stay; faint: may change)
▕███████████▌        ▏ -21 dB  listening 0:12  words 0.34 s, final 1.41 s
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from amira.asr.v1.result_pb2 import StreamingResult
from amira_core.subtitles import seconds
from amira_local.log_view import printable
from amira_local.mic.meter import Meter
from amira_local.mic.status import Status
from amira_local.result_view import final_lines, interim_text

_QUIETEST_DBFS = -60.0
_LOUD_DBFS = -6.0
_METER_CELLS = 20
_NARROW_METER_CELLS = 8
_NARROW = 60
_EIGHTHS = " ▏▎▍▌▋▊▉"
_ROWS_BESIDE = 4
"""Rows that the open segment leaves to the rest."""


class MicView(Protocol):
    """Where words go."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def final(self, result: StreamingResult) -> None:
        """A segment is over."""

    def refresh(self, spoken_s: float) -> None:
        """The open segment, the level or the state may have changed."""

    def say(self, words: str) -> None:
        """What a person should know."""


class PlainMicView:
    """Where there is no terminal: finals, one a line; the rest as complaints."""

    def __init__(self, out: Console, err: Console, status: Status) -> None:
        self._out = out
        self._err = err
        self._status = status
        self._silent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def final(self, result: StreamingResult) -> None:
        """See MicView."""
        for line in final_lines(result, with_words=False):
            self._out.print(line, soft_wrap=True, highlight=False)
        self._out.file.flush()

    def refresh(self, spoken_s: float) -> None:
        """Says once that the server is gone, and once that it is back."""
        silent = bool(self._status.silent_s)
        if silent != self._silent:
            self._silent = silent
            self.say("The server does not answer: reconnecting." if silent else "The server answers again.")

    def say(self, words: str) -> None:
        """See MicView."""
        self._err.print(Text(printable(words)), soft_wrap=True, highlight=False)


class MicScreen:
    """A terminal."""

    def __init__(self, console: Console, status: Status, meter: Meter) -> None:
        self._console = console
        self._panel = Panel(status, meter)
        self._live = Live(self._panel, console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leaves the finals alone."""
        self._live.stop()

    def final(self, result: StreamingResult) -> None:
        """See MicView."""
        self._live.console.print(history(result, narrow=self._console.width < _NARROW), highlight=False)

    def refresh(self, spoken_s: float) -> None:
        """See MicView."""
        self._panel.spoken_s = spoken_s
        self._live.refresh()

    def say(self, words: str) -> None:
        """See MicView."""
        self._live.console.print(Text(printable(words), style="yellow"), soft_wrap=True, highlight=False)


class Panel:
    """The part of the screen that changes."""

    def __init__(self, status: Status, meter: Meter) -> None:
        self._status = status
        self._meter = meter
        self.spoken_s = 0.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if self._status.open_segment is not None:
            lines = interim_text(self._status.open_segment).wrap(console, width)
            yield from lines[-max(options.size.height - _ROWS_BESIDE, 1) :]
        yield self._bottom(width)

    def _bottom(self, width: int) -> Text:
        narrow = width < _NARROW
        words, style = self._status.words
        text = meter_text(self._meter.level_dbfs, _NARROW_METER_CELLS if narrow else _METER_CELLS)
        if not narrow:
            text.append(f" {self._meter.level_dbfs:4.0f} dB")
        text.append(f"  {words}", style=style)
        text.append(f" {int(self.spoken_s) // 60}:{int(self.spoken_s) % 60:02}", style="dim")
        latencies = self._status.latencies
        if told := latencies.newest if narrow else str(latencies):
            text.append(f"  {told}", style="dim")
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


def history(final: StreamingResult, *, narrow: bool) -> RenderableType:
    """A segment that is over: when it was, and its words, wrapped beside it."""
    words = Text(printable(final.alternatives[0].text) if final.alternatives else "")
    if narrow:
        return words
    start_s, end_s = seconds(final.segment_start), seconds(final.audio_processed)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column()
    grid.add_row(Text(f"[{start_s:7.2f} {end_s:7.2f}]"), words)
    return grid


def meter_text(level: float, cells: int) -> Text:
    """A bar from -60 dB (quiet) to 0; red where it is about to clip."""
    share = min(max(1 - level / _QUIETEST_DBFS, 0.0), 1.0)
    eighths = round(share * cells * 8)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    text = Text().append("▕", style="dim")
    text.append(bar.ljust(cells), style="red" if level > _LOUD_DBFS else "green")
    return text.append("▏", style="dim")
