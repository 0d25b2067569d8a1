"""Addresses within a process: ``in-process:NAME``."""

from __future__ import annotations

SCHEME = "in-process:"


def in_process_name(address: str) -> str | None:
    """The name in an address within this process; None for all other addresses."""
    return address.removeprefix(SCHEME) if address.startswith(SCHEME) else None
