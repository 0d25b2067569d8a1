"""Generated parts of hand-written documents, between two marks."""

from __future__ import annotations

import re
from pathlib import Path


def replace_between(path: Path, begin: str, end: str, inside: str) -> None:
    """Puts `inside` between the marks.

    Raises:
        ValueError: the document has not exactly one pair of them.
    """
    replaced, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{inside.strip()}\n{end}",
        path.read_text(),
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{path} has not exactly one pair of marks: {begin} ... {end}")
    path.write_text(replaced)
