"""The JavaScript client, built; real services for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.javascript.gateways import Doors
from tests.clients.programs import CLIENTS, build, need
from tests.support.spoken import Gateway, Spoken

FOLDER = CLIENTS / "javascript"


@pytest.fixture(scope="session")
def package() -> Path:
    """The client's folder, with what it needs and what is made of it."""
    need("node", "npm")
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        build(["npm", "ci"], FOLDER)
    build(["npm", "run", "build"], FOLDER)
    return FOLDER


@pytest.fixture(scope="session")
def spoken() -> Iterator[Spoken]:
    """A frontend and a decoder."""
    with Spoken().services() as running:
        yield running


@pytest.fixture(scope="session")
def gateway(spoken: Spoken) -> Iterator[Gateway]:
    """A gateway that any page may use."""
    with spoken.gateway(web_origins="*") as running:
        yield running


@pytest.fixture(scope="session")
def entrances(gateway: Gateway) -> Doors:
    """Its two ways in."""
    return Doors(f"127.0.0.1:{gateway.grpc_port}", f"127.0.0.1:{gateway.port}")
