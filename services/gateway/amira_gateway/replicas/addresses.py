"""Where a service is found: what the settings name, and the addresses that a name has now."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass

from amira_core.rpc.in_process import SCHEME

_DNS = "dns:///"
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_MAX_NAME_LENGTH = 253


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of a list of targets.

    Attributes:
        host: a name or an IP literal, IPv6 without its brackets; ``in-process:NAME`` within this process.
        port: from 1 to 65535; 0 within this process.
        looked_up: whether each address of the name is a replica of its own; otherwise the entry is one.
    """

    host: str
    port: int
    looked_up: bool

    @property
    def target(self) -> str:
        """As gRPC takes it: ``10.0.0.3:50071``, ``[fd00::3]:50071``, ``decoder:50071``."""
        return format_target(self.host, self.port)


def parse_targets(targets: str) -> list[Place]:
    """Reads ``host:port``, ``dns:///name:port`` and ``in-process:NAME``, separated by commas.

    Raises ValueError.
    """
    places = [_parse(entry.strip(), targets) for entry in targets.split(",")]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise ValueError(f"{place.target} is named twice in {targets!r}")
    return places


def format_target(host: str, port: int) -> str:
    """Host and port as gRPC takes them."""
    if host.startswith(SCHEME):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def look_up(host: str, port: int) -> list[str]:
    """The targets of all addresses that a name has now, in a fixed order. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({format_target(str(address[0]), int(address[1])) for *_, address in found})


def _parse(entry: str, targets: str) -> Place:
    if not entry:
        raise ValueError(f"an entry of {targets!r} is empty: expected host:port or dns:///name:port")
    if entry.startswith(SCHEME):
        return Place(_in_process(entry), 0, False)
    looked_up = entry.startswith(_DNS)
    host, colon, port = entry.removeprefix(_DNS).rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise ValueError(f"{entry!r} has no port from 1 to 65535: expected host:port or dns:///name:port")
    return Place(_parse_host(host, entry), int(port), looked_up)


def _in_process(entry: str) -> str:
    if not re.fullmatch(_LABEL, entry.removeprefix(SCHEME)):
        raise ValueError(f"{entry!r}: expected {SCHEME}NAME")
    return entry


def _parse_host(host: str, entry: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        literal = host[1:-1]
        try:
            ipaddress.IPv6Address(literal)
        except ValueError as error:
            raise ValueError(f"{entry!r}: {literal!r} is not an IPv6 address") from error
        return literal
    if ":" in host and "/" not in host:
        raise ValueError(f"{entry!r}: an IPv6 address stands in brackets, as in [::1]:50071")
    if not _NAME.fullmatch(host) or len(host) > _MAX_NAME_LENGTH:
        raise ValueError(f"{entry!r}: {host!r} is no host: expected host:port or dns:///name:port")
    return host
