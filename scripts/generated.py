"""Files in the repository of which a script writes all, or some parts."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def with_part(text: str, begin: str, part: str, end: str) -> str:
    """The text with `part` between its lines `begin` and `end`. ValueError: it lacks them."""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"there is no place for {begin.strip()}")
    return f"{before}{begin}{part}{end}{after}"


def write_or_check(path: Path, current: str) -> int:
    """Writes a file as it should be; with --check on the command line only returns 1 where it is not so."""
    if "--check" not in sys.argv:
        path.write_text(current, encoding="utf-8")
        return 0
    stale = path.read_text(encoding="utf-8") != current
    if stale:
        sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `make docs`\n")
    return int(stale)
