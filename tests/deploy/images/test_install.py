"""What the images' build stages do, done here: a service runs with nothing but its own extra installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient
from tests.deploy import programs
from tests.deploy.images.dockerfile import Dockerfile

ROOT = Path(__file__).resolve().parents[3]
CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
OF_OTHERS = {
    "gateway": {"torch", "k2", "numba", "av", "onnxruntime", "openvino", "tritonclient", "sentencepiece"},
    "frontend": {"torch", "k2", "onnxruntime", "openvino", "tritonclient", "sentencepiece", "pybreaker"},
}
"""Packages that a service must not bring."""


def installed(service: str, folder: Path) -> Path:
    """Copies what the Dockerfile's build stage copies, and runs its install steps; gives the environment."""
    source, target = folder / "source", folder / "amira"
    build = Dockerfile.read(ROOT / "deploy" / "images" / service / "Dockerfile").stages[0]
    arguments: dict[str, str] = {}
    for step in build:
        if step.name == "ARG":
            arguments |= step.pairs()
        if step.name == "COPY":
            *sources, _ = step.arguments.split()
            for name in sources:
                _copy(name, source)
        if step.name == "RUN":
            script = step.arguments[step.arguments.index("sh deploy") :].replace("/opt/amira", str(target))
            _run(script, source, arguments)
    return target


def _copy(name: str, source: Path) -> None:
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    if (ROOT / name).is_file():
        shutil.copy2(ROOT / name, source / name)
    else:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))


def _run(script: str, source: Path, arguments: dict[str, str]) -> None:
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    # Compiling takes longest.
    environment = {**programs.outside(), **arguments, "PATH": path, "PIP_COMPILE": "0"}
    done = subprocess.run(
        ["/bin/sh", "-euc", script], cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def _index() -> None:
    asked = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed"),
        *("--retries=1", "--timeout=10", "hatchling"),
    ]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached")


def packages(environment: Path) -> set[str]:
    listed = json.loads((environment / "sbom.json").read_text())["components"]
    return {component["name"].lower() for component in listed}


@pytest.mark.slow
@pytest.mark.timeout(900)  # most of it is an index's and a disk's
def test_the_frontend_from_its_own_extra(tmp_path: Path) -> None:
    environment = installed("frontend", tmp_path)
    assert {"amira-asr", "av", "grpcio", "numba"} <= packages(environment)
    assert not OF_OTHERS["frontend"] & packages(environment)
    with programs.frontend(tmp_path / "log", environment / "bin" / "amira-frontend") as frontend:
        frontend.wait_until(lambda: frontend.events("ready"))
        health = [environment / "bin" / "amira-health", "frontend"]
        asked = {"AMIRA_FRONTEND_LISTEN": frontend.target}
        assert subprocess.run(health, env=asked, check=False, capture_output=True).returncode == 0


@pytest.mark.toolchain
@pytest.mark.timeout(900)  # most of it is an index's and a disk's
async def test_a_node_from_the_extras_of_its_parts_needs_nothing_else(
    tmp_path: Path, model_dir: Path
) -> None:
    environment = installed("node", tmp_path)
    assert not {"torch", "k2", "openvino"} & packages(environment)
    with programs.node(tmp_path / "log", model_dir, environment / "bin" / "amira-node") as node:
        node.wait_until(lambda: len(node.events("ready")) == len(("frontend", "decoder", "gateway")))
        async with AmiraClient(node.target) as client:
            transcript = await client.transcribe(CLIP, config_pb2.RecognitionConfig())
    assert len(transcript.text.split()) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)  # most of it is an index's and a disk's
async def test_the_gateway_from_its_own_extra_serves_a_stream(tmp_path: Path, model_dir: Path) -> None:
    environment = installed("gateway", tmp_path)
    assert {"amira-asr", "grpcio", "pybreaker"} <= packages(environment)
    assert not OF_OTHERS["gateway"] & packages(environment)
    with (
        programs.frontend(tmp_path / "frontend") as frontend,
        programs.decoder(tmp_path / "decoder", model_dir) as decoder,
        programs.gateway(
            tmp_path / "gateway", (frontend, decoder), environment / "bin" / "amira-gateway"
        ) as gateway,
    ):
        gateway.wait_until(lambda: gateway.events("ready"))
        async with AmiraClient(gateway.target) as client:
            transcript = await client.transcribe(CLIP, config_pb2.RecognitionConfig())
        assert len(transcript.text.split()) > 10
