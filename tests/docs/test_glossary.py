"""The glossary has words that the project uses, in order."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, pages, prose

PAGE = ROOT / "docs" / "GLOSSARY.md"


def entries() -> list[str]:
    """First columns."""
    found = [
        row for row in re.findall(r"^\| ([^|]+) \| [^|]", PAGE.read_text(), re.MULTILINE) if row != "word"
    ]
    assert len(found) > 50
    return found


def test_words_are_in_order() -> None:
    assert entries() == sorted(entries(), key=str.lower)


def test_each_word_is_used_elsewhere() -> None:
    other = " ".join(" ".join(prose(page).lower().split()) for page in pages() if page != PAGE)
    code = " ".join(path.read_text().lower() for path in (ROOT / "protos").rglob("*.proto"))
    unused = [word for entry in entries() for word in entry.split(", ") if word.lower() not in other + code]
    assert unused == []
