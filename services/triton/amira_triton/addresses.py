"""Host-and-port addresses, and whether a port is free."""

from __future__ import annotations

import socket
from contextlib import closing


class AddressInUseError(OSError):
    """Another program listens where Triton is to listen."""


def split_address(address: str) -> tuple[str, int]:
    """``host:port`` as its two parts; an IPv6 host loses its brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def require_free(address: str, setting: str) -> None:
    """Raises AddressInUseError, naming the setting to change, when `address` cannot be listened on.

    Triton itself says so only among many lines of output, and after it has loaded the model.
    """
    host, port = split_address(address)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            probe.listen(1)
    except OSError as error:
        raise AddressInUseError(
            f"Triton cannot listen on {address} ({error.strerror}): "
            f"stop the program that does, or set {setting} to another address"
        ) from error
