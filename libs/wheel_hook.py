"""The server's wheel leaves the client and the public protocol's stubs to the client's own, and asks for it.

Of an installation that is a link to the repository all of it is part already.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NeedsClient(BuildHookInterface):  # type: ignore[type-arg]  # for the configuration of any builder
    """One distribution per file: with two, removing one would break the other."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the client, of the same version, to what the wheel depends on."""
        if version != "editable":
            build_data["dependencies"].append(f"amira-client=={self.metadata.version}")
