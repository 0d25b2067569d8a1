"""Licences of what is installed go with Amira's, or are accepted by name."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from scripts.check_licences import LIST, is_allowed, licence_of, refused

RULES = tomllib.loads(LIST.read_text(encoding="utf-8"))


def package(folder: Path, *lines: str) -> metadata.Distribution:
    """An installed package with these lines of metadata."""
    info = folder / f"made_up-{len(list(folder.iterdir()))}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", "Name: made.up", "Version: 1", *lines])
    )
    return metadata.PathDistribution(info)


def test_all_that_is_installed_may_be() -> None:
    assert refused(metadata.distributions(), RULES) == {}


def test_what_is_on_no_list_is_refused(tmp_path: Path) -> None:
    agpl = package(tmp_path, "License-Expression: AGPL-3.0-only")
    assert refused([agpl], RULES) == {"made-up": "AGPL-3.0-only"}
    assert refused([package(tmp_path)], RULES) == {"made-up": "(nothing)"}
    both = package(tmp_path, "License-Expression: MIT AND GPL-3.0-only")
    assert refused([both], RULES) == {"made-up": "MIT AND GPL-3.0-only"}
    either = package(tmp_path, "License-Expression: MIT OR GPL-3.0-only")
    assert refused([either], RULES) == {}


def test_an_accepted_package_that_changes_its_licence_is_refused(tmp_path: Path) -> None:
    rules = RULES | {"accepted": {"made-up": {"licence": "GPL-3.0", "why": "a program"}}}
    assert refused([package(tmp_path, "License: GPL-3.0")], rules) == {}
    assert refused([package(tmp_path, "License: SSPL")], rules) == {"made-up": "SSPL"}


def test_licences_are_read_from_expression_classifier_and_field(tmp_path: Path) -> None:
    classifiers = (
        "Classifier: License :: OSI Approved",
        "Classifier: License :: OSI Approved :: MIT License",
    )
    assert licence_of(package(tmp_path, *classifiers, "License: a long text")) == "MIT License"
    assert licence_of(package(tmp_path, "License: BSD-3-Clause")) == "BSD-3-Clause"
    assert not is_allowed("", {"mit"})


def test_what_is_accepted_says_why() -> None:
    for entry in RULES["accepted"].values():
        assert len(entry["why"]) > 15
    for entry in RULES["read_by_hand"].values():
        assert is_allowed(entry["licence"], {name.lower() for name in RULES["allowed"]})
