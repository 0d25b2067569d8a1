"""Writes a run's figures into docs/BENCHMARKS.md, between two marks; the prose around is by hand."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import tables

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "BENCHMARKS.md"
_BEGIN = "<!-- benchmarks: written by `make bench`, do not edit -->"
_END = "<!-- end of benchmarks -->"


def write(results: Mapping[str, Any], plots: Sequence[Path], path: Path = DOCUMENT) -> None:
    """Replaces the generated part, and the plots beside it.

    Raises:
        ValueError: the document has lost its marks.
    """
    text = path.read_text()
    images = path.parent / "images"
    images.mkdir(exist_ok=True)
    links = []
    for plot in plots:
        shutil.copyfile(plot, images / plot.name)
        links.append(f"![{plot.stem}](images/{plot.name})")
    inside = "\n\n".join([tables.markdown(results).strip(), *links])
    replaced, count = re.subn(
        f"{re.escape(_BEGIN)}.*{re.escape(_END)}",
        lambda _: f"{_BEGIN}\n{inside}\n{_END}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{path} has not exactly one pair of marks: {_BEGIN} ... {_END}")
    path.write_text(replaced)
