"""The compose files, read without Docker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "compose"
FILES = ["compose.yaml", "gpu.yaml", "observability.yaml", "demo.yaml", "envoy.yaml"]


class _Loader(yaml.SafeLoader):
    """Knows compose's own tags."""


def _plain(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """What is below a tag that only says how files are put together."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


for tag in ("!override", "!reset"):
    _Loader.add_constructor(tag, _plain)


def variables() -> dict[str, str]:
    """What .env sets."""
    lines = (FOLDER / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def loaded(name: str) -> Any:
    """A file with the variables of .env in it."""
    text = re.sub(r"\$\{(\w+)\}", lambda found: variables()[found[1]], (FOLDER / name).read_text())
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader with one more tag


def services(name: str) -> dict[str, Any]:
    """The services of a file."""
    return dict(loaded(name)["services"])
