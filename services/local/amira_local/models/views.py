"""Models on the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from amira_local.models.catalogue import CATALOGUE, PublishedModel
from amira_local.models.folders import InstalledModel

if TYPE_CHECKING:  # importing it loads the decoder's and the frontend's packages
    from amira_local.models.check import Trial

_PLAIN_INTERVAL_S = 5.0


def print_installed(models: list[InstalledModel], console: Console) -> None:
    """The models that are here."""
    rows = [("HERE", "SIZE", "LANGUAGES", "FOLDER")]
    for model in models:
        languages = ", ".join(model.record.languages) if model.record else "?"
        rows.append((model.name, _megabytes(model.size_bytes), languages, str(model.path)))
    _print_columns(rows, console)
    for model in models:
        if model.lacking:
            console.print(f"{model.name} cannot serve: it lacks {', '.join(model.lacking)}.", style="red")


def print_catalogue(installed: set[str], console: Console) -> None:
    """The models that can be pulled."""
    rows = [("TO BE PULLED", "DOWNLOAD", "ARCHITECTURE", "CHUNK", "LICENCE", "LANGUAGES")]
    for model in CATALOGUE:
        rows.append(
            (
                model.name + (" (here)" if model.name in installed else ""),
                _megabytes(model.archive_bytes),
                model.architecture,
                f"{model.chunk_ms} ms" if model.chunk_ms else "?",
                model.licence,
                ", ".join(model.languages),
            )
        )
    _print_columns(rows, console)
    unknown = ", ".join(model.name for model in CATALOGUE if model.sha256 is None)
    console.print(
        f"\nNo checksum is known for {unknown}: the first download's is kept. More on one: "
        "`amira models info NAME`.",
        highlight=False,
    )


def print_published(model: PublishedModel, console: Console) -> None:
    """All that is known of a model that is not here."""
    print_rows(
        [
            ("name", model.name),
            ("publisher's name", model.upstream),
            ("languages", ", ".join(model.languages)),
            ("architecture", model.architecture),
            ("chunk", f"{model.chunk_ms} ms" if model.chunk_ms else "known once it is here"),
            ("trained on", model.trained_on),
            ("licence", model.licence),
            ("source", model.source),
            ("download", _megabytes(model.archive_bytes)),
            ("precisions", ", ".join(model.precisions)),
            ("SHA-256", model.sha256 or "unknown: the first download's is kept"),
        ],
        console,
    )
    console.print(f"Not here yet: `amira models pull {model.name}`.", style="yellow", markup=False)


def print_rows(rows: list[tuple[str, str]], console: Console) -> None:
    """Names and values, a line each."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        console.print(f"{name:<{width}}  {value}", markup=False, highlight=False, soft_wrap=True)


def print_trial(trial: Trial, console: Console) -> None:
    """What a trial brought: measurements, then what is wrong, then the verdict."""
    print_rows(trial.measured, console)
    for finding in trial.findings:
        style = "bold red" if finding.level == "problem" else "yellow"
        console.print(f"\n{finding.level}: ", style=style, end="")
        console.print(finding.text, markup=False, highlight=False, soft_wrap=True)
        console.print(f"  -> {finding.remedy}", markup=False, highlight=False, soft_wrap=True)
    problems = sum(finding.level == "problem" for finding in trial.findings)
    if problems:
        console.print(f"\n{problems} problem(s): this model should not serve.", style="bold red")
    else:
        console.print("\nThis model can serve.", style="bold green")


class DownloadView:
    """A progress bar on a terminal, elsewhere a line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn(),
            console=console,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._next_line = time.monotonic() + _PLAIN_INTERVAL_S

    def __call__(self, done: int, total: int | None) -> None:
        """Shows how far it is."""
        if not self._console.is_terminal:
            self._line(done, total)
            return
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("download", total=total)
        self._bar.update(self._task, completed=done, total=total)

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._bar.stop()

    def _line(self, done: int, total: int | None) -> None:
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _PLAIN_INTERVAL_S
            of = f" of {total >> 20}" if total else ""
            self._console.print(f"{done >> 20}{of} MiB", highlight=False)


def _print_columns(rows: Sequence[tuple[str, ...]], console: Console) -> None:
    """Aligned columns, the first row as a heading; lines are never cut, so that they can be piped."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        style = None if number else "bold"
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _megabytes(size: int | None) -> str:
    return f"{size / 1e6:.0f} MB" if size is not None else "?"
