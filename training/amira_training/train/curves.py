"""Figures over time, one CSV file per phase."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from amira_training.files import whole


class Curve:
    """Appends rows to a CSV file; each has a ``step``.

    Args:
        path: the file.
        after_step: what an earlier run wrote beyond this step is dropped: it is done again.
    """

    def __init__(self, path: Path, after_step: int) -> None:
        self._path = path
        self._columns: list[str] = []
        kept = [row for row in read_curve(path) if row["step"] <= after_step]
        with whole(path) as part, part.open("w", newline="") as file:
            if kept:
                self._columns = list(kept[0])
                _write(file, self._columns, kept, header=True)

    def add(self, row: Mapping[str, float]) -> None:
        """One row; the first decides the columns."""
        is_first = not self._columns
        if is_first:
            self._columns = list(row)
        with self._path.open("a", newline="") as file:
            _write(file, self._columns, [row], header=is_first)


def read_curve(path: Path) -> list[dict[str, float]]:
    """All complete rows of a CSV file of figures; none if there is no file.

    What is not a figure (a killed run's last line) ends the curve.
    """
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    figures = []
    for row in rows:
        try:
            figures.append({name: float(value) for name, value in row.items()})
        except (TypeError, ValueError):  # too few fields, or half a number
            break
    return figures


def _write(
    file: object, columns: Sequence[str], rows: Sequence[Mapping[str, float]], *, header: bool
) -> None:
    writer = csv.DictWriter(file, columns, extrasaction="ignore", restval="nan")  # type: ignore[arg-type]  # any text file
    if header:
        writer.writeheader()
    writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
