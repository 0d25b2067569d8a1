"""A hook of the documentation site (mkdocs.yml): takes in what pages link to outside docs/.

Pages of the repository (SECURITY.md, the README of a folder) become pages below ``repository/``. A link to
code leads to the repository's address where AMIRA_REPOSITORY names one, and is plain text elsewhere. Besides,
it adds the figures that the cost page computes with.
"""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
COST = ROOT / "benchmarks" / "results" / "cost.json"
TAKEN_IN = "repository/"

_CODE = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)
_IMAGE = re.compile(r"(<img\s[^>]*?src=\")([^\":]+)(\")")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that others link to, and the figures that the cost page computes with."""
    for path in sorted(_linked_from(sorted(DOCS.rglob("*.md")))):
        text = path.read_text(encoding="utf-8")
        files.append(File.generated(config, _uri(path), content=text))
    files.append(File.generated(config, "javascripts/cost.json", content=COST.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Has links lead to where the site has what they name."""
    uri = page.file.src_uri
    source = ROOT / uri.removeprefix(TAKEN_IN) if uri.startswith(TAKEN_IN) else DOCS / uri

    def moved(link: re.Match[str]) -> str:
        picture, text, target, anchor = link.groups()
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        path = _page_of((source.parent / target).resolve())
        place = _uri(path)
        if files.get_file_from_path(place) is not None:
            return f"{picture}[{text}]({posixpath.relpath(place, posixpath.dirname(uri))}{anchor or ''})"
        if config.repo_url and not picture:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{path.relative_to(ROOT)}{anchor or ''})"
        return text

    def shown(image: re.Match[str]) -> str:
        path = (source.parent / image[2]).resolve()
        return f"{image[1]}{posixpath.relpath(_uri(path), posixpath.dirname(uri))}{image[3]}"

    return _outside_code(markdown, lambda part: _IMAGE.sub(shown, _LINK.sub(moved, part)))


def _linked_from(pages: list[Path]) -> set[Path]:
    """Pages outside docs/ that these lead to, over any number of links."""
    found: set[Path] = set()
    waiting = deque(pages)
    while waiting:
        page = waiting.popleft()
        prose = _outside_code(page.read_text(encoding="utf-8"), lambda part: part, keep_code=False)
        for _, _, target, _ in _LINK.findall(prose):
            path = _page_of((page.parent / target).resolve())
            if "://" not in target and _is_page_outside(path) and path not in found:
                found.add(path)
                waiting.append(path)
    return found


def _is_page_outside(path: Path) -> bool:
    inside = not path.is_relative_to(ROOT) or path.is_relative_to(DOCS)
    return not inside and path.suffix == ".md" and path.exists()


def _page_of(path: Path) -> Path:
    """A folder's page is its README."""
    readme = path / "README.md"
    return readme if path.is_dir() and readme.exists() else path


def _uri(path: Path) -> str:
    """Where a file is, or would be, among the site's sources."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    return TAKEN_IN + path.relative_to(ROOT).as_posix()


def _outside_code(text: str, change: Callable[[str], str], *, keep_code: bool = True) -> str:
    parts = _CODE.split(text)
    return "".join(
        change(part) if at % 2 == 0 else part if keep_code else "" for at, part in enumerate(parts)
    )
