"""The settings and their defaults that docs/LIMITS.md names are those of the services."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "LIMITS.md"
UNITS = {"": 1.0, "s": 1.0, "MiB": 2.0**20}


def defaults() -> dict[str, float]:
    """By variable, as docs/CONFIGURATION.md has them, which a test holds to the code."""
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    return {
        name: float(value) for name, value in re.findall(r"^\| `(AMIRA_\w+)` \| `([\d.]+)` \|", page, re.M)
    }


def said() -> list[tuple[str, float]]:
    """Variables with a figure behind them."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"`([A-Z][A-Z_]+_[A-Z_]+)` \((\d[\d.]*) ?(s|MiB)?[,;:)]", page)
    return [
        (name if name.startswith("AMIRA_") else f"AMIRA_GATEWAY_{name}", float(value) * UNITS[unit])
        for name, value, unit in found
        if name not in ("NO_CAPACITY", "IDLE_TIMEOUT")  # reasons, with their status
    ]


def test_defaults_are_those_of_the_code() -> None:
    known = defaults()
    assert len(said()) > 12
    assert [(name, value) for name, value in said() if known.get(name) != value] == []
