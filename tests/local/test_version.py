"""The command tells its version, the one that its server tells clients."""

from __future__ import annotations

import tomllib

import pytest
from typer.testing import CliRunner

from amira_local.cli import app
from tests.conftest import ROOT


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "up"]])
def test_the_version(arguments: list[str]) -> None:
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert shown.stdout == f"amira {stated}\n"
