"""The server from its wheel, in an environment of its own: `amira up` serves, `amira transcribe` asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.python.environment import CONSTRAINTS, Environment, build_wheels, need_index
from tests.conftest import ROOT
from tests.deploy.programs import outside
from tests.support.up import SMALL, running_up

pytestmark = [pytest.mark.toolchain, pytest.mark.timeout(900)]  # most of it is an index's

EXTRAS = "client,gateway,frontend,decoder"
MODEL = ROOT / "models" / "starter-en"
SETTINGS = {"AMIRA_DECODER_IN_PROCESS_ENGINE": "onnxruntime", "AMIRA_DECODER_SEARCH": "greedy"}
"""What has the fewest kernels to compile: a new installation has none."""
CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"


def test_it_serves(tmp_path: Path) -> None:
    need_index()
    wheels = build_wheels(tmp_path / "wheels", ROOT, ROOT / "clients" / "python")
    (server,) = (wheel for wheel in wheels if wheel.name.startswith("amira_asr"))
    empty = Environment.make(tmp_path / "venv")
    empty.install("--constraint", CONSTRAINTS, "--find-links", server.parent, f"{server}[{EXTRAS}]")
    command = [str(empty.folder / "bin" / "amira"), "up", "--model", str(MODEL), *SMALL]
    with running_up(command, tmp_path, outside() | SETTINGS) as up:
        said = empty.run("amira", "transcribe", "--server", up.grpc, str(CLIP), cwd=tmp_path)
        assert "cold hearted" in said
