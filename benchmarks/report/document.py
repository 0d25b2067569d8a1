"""Writes a run's figures and plots into docs/BENCHMARKS.md; the prose around them is by hand."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import tables
from benchmarks.report.marks import replace_between

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "BENCHMARKS.md"
BEGIN = "<!-- benchmarks: written by `make bench`, do not edit -->"
END = "<!-- end of benchmarks -->"


def write(results: Mapping[str, Any], plots: Sequence[Path], path: Path = DOCUMENT) -> None:
    """Replaces the generated part, and the plots beside it.

    Raises:
        ValueError: the document has lost its marks.
    """
    images = path.parent / "images"
    images.mkdir(exist_ok=True)
    links = []
    for plot in plots:
        shutil.copyfile(plot, images / plot.name)
        links.append(f"![{plot.stem}](images/{plot.name})")
    replace_between(path, BEGIN, END, "\n\n".join([tables.markdown(results).strip(), *links]))
