"""One version for server, clients, images and manifests: that of pyproject.toml."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_each_place_has_the_projects_version() -> None:
    rust = tomllib.loads((ROOT / "clients" / "rust" / "Cargo.toml").read_text())
    java = re.search(r"<version>([^<]+)</version>", (ROOT / "clients" / "java" / "pom.xml").read_text())
    compose = re.search(
        r"^AMIRA_VERSION=(.+)$", (ROOT / "deploy" / "compose" / ".env").read_text(), re.MULTILINE
    )
    images = (ROOT / "deploy" / "kubernetes" / "base" / "kustomization.yaml").read_text()
    changes = (ROOT / "CHANGELOG.md").read_text()
    found = {
        "clients/javascript": json.loads((ROOT / "clients" / "javascript" / "package.json").read_text())[
            "version"
        ],
        "clients/rust": rust["package"]["version"],
        "clients/java": java[1] if java else None,
        "deploy/compose": compose[1] if compose else None,
        "deploy/kubernetes": ",".join(sorted(set(re.findall(r"newTag: \"?([\d.]+)", images)))),
    }
    assert found == dict.fromkeys(found, VERSION)
    assert re.search(rf"^## .*\b{re.escape(VERSION)}\b", changes, re.MULTILINE)
