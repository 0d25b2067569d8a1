"""Every cell about another system in README.md's comparison has a source, and every source is used."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\[(\d+)\](?!\()")


def table() -> tuple[list[str], list[list[str]]]:
    """The head's cells and the rows' ones."""
    section = README.split("## Compared")[1].split("<details>")[0]
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return head, rows


def sources() -> dict[str, str]:
    """By number, what stands behind it."""
    listed = README.split("<summary>Sources</summary>")[1].split("</details>")[0]
    parts = re.split(r"^\[(\d+)\] ", listed, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_cell_has_a_source() -> None:
    head, rows = table()
    assert len(rows) > 10
    for row in rows:
        assert len(row) == len(head), row[0]
        for system, cell in zip(head[2:], row[2:], strict=True):
            assert cell
            assert NUMBER.findall(cell) or NUMBER.findall(system), (row[0], system)


def test_sources_are_used_and_lead_somewhere() -> None:
    head, rows = table()
    named = {
        number for cell in [*head, *(cell for row in rows for cell in row)] for number in NUMBER.findall(cell)
    }
    assert named == set(sources())
    assert all("https://" in source for source in sources().values())


def test_what_is_compared_is_dated() -> None:
    assert re.search(r"as of \w+ 20\d\d", README.split("## Compared")[1].split("|")[0])
