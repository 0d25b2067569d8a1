"""Every link of every page leads somewhere: files and headings are looked at, other sites are not asked."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.docs.pages import ROOT, anchors, links, pages, prose

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def fault(page: Path, link: str) -> str | None:
    """What is wrong with a link, or None."""
    parts = urlsplit(link)
    if parts.scheme:
        return None if parts.scheme in ("https", "mailto") or parts.hostname == "127.0.0.1" else "not https"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(ROOT):
        return "leaves the repository"
    if not target.exists():
        return "no such file"
    if parts.fragment and target.suffix == ".md" and parts.fragment not in anchors(target):
        return "no such heading"
    return None


def test_links_lead_somewhere() -> None:
    wrong = {
        (str(page.relative_to(ROOT)), link): why
        for page in pages()
        for link in links(page)
        if (why := fault(page, link))
    }
    assert not wrong


NAMED_FILE = re.compile(
    r"`((?:benchmarks|chaos|clients|demo|deploy|docs|evaluation|fuzz|libs|models|protos|requirements|scripts|services"
    r"|soak|tests|training)/[\w./-]+)`"
)


def test_files_that_pages_name_exist() -> None:
    named = {
        (str(page.relative_to(ROOT)), path) for page in pages() for path in NAMED_FILE.findall(prose(page))
    }
    assert len(named) > 100
    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []


def test_faults_are_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "API.md"
    for link in ("GONE.md", "API.md#gone", "#gone", "../../..", "http://example.org", "../docs/LIMITS.md#"):
        assert bool(fault(page, link)) == (link != "../docs/LIMITS.md#"), link
    written = tmp_path / "page.md"
    written.write_text(
        '# A `b.c` & [d](e.md)\n# A\n# A\n[x](y.md "t") ![p](q.svg) `[no](no.md)`\n```\n[no](no.md)\n```\n'
    )
    assert set(links(written)) == {"e.md", "y.md", "q.svg"}
    assert anchors(written) == {"a-bc--d", "a", "a-1"}


def symbols(source: Path) -> set[str]:
    """Classes, their methods (`Class.method`) and functions that a Python file defines."""
    names = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, FUNCTIONS)}
        elif isinstance(node, FUNCTIONS):
            names.add(node.name)
    return names


def test_code_that_pages_link_to_is_defined_there() -> None:
    linked = [
        (page, name, (page.parent / path).resolve())
        for page in pages()
        for name, path in re.findall(r"\[`([\w.]+)`\]\(([\w./-]+\.py)\)", page.read_text(encoding="utf-8"))
        if not name.endswith(".py")
    ]
    assert len(linked) > 15
    assert [(page.name, name) for page, name, source in linked if name not in symbols(source)] == []
