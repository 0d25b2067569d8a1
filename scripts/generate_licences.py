"""Writes the licences of direct dependencies into docs/DEPENDENCIES.md.

With --check, only says whether they are current.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.check_licences import LIST, OURS, licence_of  # noqa: E402 - found by the path that was just set
from scripts.generated import with_part, write_or_check  # noqa: E402 - as above

PAGE = ROOT / "docs" / "DEPENDENCIES.md"
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
BEGIN, END = "<!-- licences: written by `make docs`, do not edit -->\n", "<!-- end of licences -->"


def direct() -> dict[str, set[str]]:
    """Packages that pyproject.toml names, by the extras that name them; `all` for those of every service."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, set[str]] = {}
    for extra, wanted in {"all": project["dependencies"], **project["optional-dependencies"]}.items():
        for requirement in wanted:
            name = re.split(r"[\s\[<>=;!~]", requirement, maxsplit=1)[0].lower().replace("_", "-")
            if name not in OURS:
                found.setdefault(name, set()).add(extra)
    return found | {"k2": {"k2"}, "nvidia-pytriton": {"triton"}}  # requirements/k2.txt, triton.txt


def pinned() -> dict[str, str]:
    """Versions by package."""
    lines = re.findall(r"^([\w.-]+)==(\S+)", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in lines}


def table() -> str:
    """A row per package. PackageNotFoundError: one is not installed, so nobody knows its licence."""
    rules, versions = tomllib.loads(LIST.read_text(encoding="utf-8")), pinned()
    rows = ["| package | version | for | licence |", "|---|---|---|---|"]
    for name, extras in sorted(direct().items()):
        licence = rules["read_by_hand"].get(name, {}).get("licence") or licence_of(
            metadata.distribution(name)
        )
        mark = "*" if name in rules["accepted"] else ""
        version = versions.get(name) or metadata.version(name)
        rows.append(f"| {name} | {version} | {', '.join(sorted(extras))} | {licence}{mark} |")
    return "\n".join([*rows, ""])


def with_table(text: str) -> str:
    """The page with its table as it should be. ValueError: it lacks a place for it."""
    return with_part(text, BEGIN, table(), END)


def main() -> int:
    """Returns 1 when --check finds the page stale."""
    return write_or_check(PAGE, with_table(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
