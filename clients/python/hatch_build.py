"""What the client's distribution takes from the rest of the repository: its version and the protocol's stubs.

A source distribution carries both itself, so that a wheel can be built from it anywhere.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_STUBS = Path("amira/asr")


class ServersVersion(MetadataHookInterface):
    """Server and client of one version speak the same protocol."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Sets the version, unless a source distribution has told it."""
        if "version" not in metadata:
            project = tomllib.loads((Path(self.root) / "../../pyproject.toml").read_text())["project"]
            metadata["version"] = project["version"]


class ProtocolStubs(BuildHookInterface):  # type: ignore[type-arg]  # for the configuration of any builder
    """The public protocol's generated code comes along, that of the services does not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the stubs (an editable installation finds them where they are)."""
        if version == "editable":
            return
        carried = Path(self.root) / _STUBS
        stubs = carried if carried.exists() else Path(self.root) / "../../libs/generated" / _STUBS
        if not stubs.exists():
            raise FileNotFoundError(f"no generated stubs at {stubs}: run `make protos` in the repository")
        build_data["force_include"][str(stubs.resolve())] = str(_STUBS)
