"""How a local stack is to be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from amira_core.logs import LogLevel

Encoder = Literal["triton", "in_process"]
Search = Literal["auto", "k2", "beam", "greedy"]

GATEWAY_PORT = 50051


def default_model_dir() -> Path:
    """The bundled starter model: beside the sources, else under the current folder."""
    beside = Path(__file__).resolve().parents[3] / "models" / "starter-en"
    return beside if beside.is_dir() else Path.cwd() / "models" / "starter-en"


@dataclass(frozen=True)
class StackOptions:
    """What to run, and how. The defaults are those of ``amira up``."""

    model_dir: Path = field(default_factory=default_model_dir)
    """Model folder."""

    port: int | None = None
    """Gateway's port; None means 50051, or a free one with `ephemeral_ports`."""

    ephemeral_ports: bool = False
    """Take free ports instead of the well-known ones (tests, several stacks at once)."""

    encoder: Encoder = "triton"
    """Where the encoder runs: in Triton, or inside the decoder."""

    nodes: int = 0
    """Run gateway, frontend and decoder as one process (a node), and so many of them on the gateway's port;
    0: as three. Several need the encoder in the process: the slots of one Triton are one decoder's."""

    search: Search = "auto"
    """The decoder's default search. `auto`: k2 where it is installed, else beam."""

    log_level: LogLevel = "info"
    """Least severe level that the services log."""

    log_dir: Path | None = None
    """Folder for one log file per service; None keeps no files."""

    env: Mapping[str, str] = field(default_factory=dict)
    """Extra environment of all services, which wins: ``{"AMIRA_GATEWAY_LOG_LEVEL": "debug"}``."""

    restart: bool = True
    """Restart a service that dies after the start; False leaves it dead (tests of what then happens)."""

    max_restarts: int = 5
    """Deaths in a row after which a service is given up and the stack fails."""

    start_timeout_s: float = 240.0
    """Longest that one service may take to become healthy."""

    stop_timeout_s: float = 15.0
    """Longest that one service may take to stop before it is killed."""
