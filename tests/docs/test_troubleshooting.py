"""Each text that docs/TROUBLESHOOTING.md quotes is one that the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "TROUBLESHOOTING.md"
SOURCES = ("services", "libs/amira_core", "libs/amira_encoder", "clients/python")
HOLE = "\0"
"""Stands for a value in a text."""


def quoted() -> list[str]:
    """What the first columns of the page quote."""
    rows = re.findall(r"^\| (?:the log: )?\"(.+?)\" \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 30
    return rows


@cache
def texts() -> tuple[str, ...]:
    """All texts of the code with holes for their values, and the lines of the Makefile."""
    found = []
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.py"):
            found += texts_of(ast.parse(path.read_text(encoding="utf-8")))
    makefile = re.sub(r"'?\$\(\w+\)'?", HOLE, (ROOT / "Makefile").read_text(encoding="utf-8"))
    return (*found, *makefile.splitlines())


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The strings in a module; what is joined by position is one text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)


def said(quote: str, text: str) -> bool:
    """Whether a text can read as quoted: `...` in the quote is a value, or words that are left out."""
    parts = [re.escape(part) for part in quote.split("...")]
    return re.search(".*".join(parts), text, re.DOTALL) is not None


@pytest.mark.parametrize("quote", quoted())
def test_the_code_says_so(quote: str) -> None:
    assert any(said(quote, text) for text in texts())


def test_what_nobody_says_is_found() -> None:
    assert not any(said("All ... streams of this server are gone", text) for text in texts())
    assert said("at ...: no", f"look at {HOLE}: no")
    assert not said("at 5: no", f"at {HOLE}: no")


def test_settings_and_options_that_it_names_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    configuration = (ROOT / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"`(AMIRA_[A-Z_]+)`", page)):
        assert f"`{name}`" in configuration, name
