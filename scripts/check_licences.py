"""Holds the licences of all installed packages to requirements/licences.toml (`make licences`).

Licences are what the packages' own metadata say: the SPDX expression, else the classifiers, else the licence
field.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

LIST = Path(__file__).resolve().parent.parent / "requirements" / "licences.toml"
OURS = {"amira-asr", "amira-client"}


def refused(packages: Iterable[metadata.Distribution], rules: Mapping[str, Any]) -> dict[str, str]:
    """Packages whose licence is not on the list, with what their metadata say."""
    allowed = {name.lower() for name in rules["allowed"]}
    found = {}
    for package in packages:
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        said = licence_of(package)
        accepted = rules["accepted"].get(name)
        read = rules["read_by_hand"].get(name, {}).get("licence", said)
        good = said == accepted["licence"] if accepted else is_allowed(read, allowed)
        if not good and name not in OURS:
            found[name] = said or "(nothing)"
    return found


def licence_of(package: metadata.Distribution) -> str:
    """What a package's metadata say; empty if nothing."""
    about = package.metadata
    if expression := about["License-Expression"]:
        return expression
    named = {
        line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License")
    }
    if classifiers := named - {"OSI Approved"}:
        return " AND ".join(sorted(classifiers))
    field = (about["License"] or "").strip()
    return field.splitlines()[0] if field else ""


def is_allowed(licence: str, allowed: set[str]) -> bool:
    """Whether one of the alternatives (OR) has nothing but allowed parts (AND). `allowed`: in lower case."""
    if " AND " in licence and " OR " in licence:
        return False  # what belongs together is for somebody to read
    parts = re.split(r"\s+(?:AND|OR)\s+", licence.lower(), flags=re.IGNORECASE)
    together = any if " OR " in licence else all
    return together(part in allowed for part in parts)


def main() -> int:
    """Returns 1 where a licence is not on the list."""
    rules = tomllib.loads(LIST.read_text(encoding="utf-8"))
    wrong = refused(metadata.distributions(), rules)
    for name, licence in sorted(wrong.items()):
        sys.stderr.write(f"{name}: {licence} is not in {LIST.name}: look at its files, or do without it\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
