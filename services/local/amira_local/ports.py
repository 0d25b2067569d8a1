"""TCP ports on loopback."""

from __future__ import annotations

import contextlib
import random
import socket
from itertools import islice

LOOPBACK = "127.0.0.1"

_NEVER_HANDED_OUT = range(20_000, 30_000)
"""Below what Linux and macOS give to connections, so that none takes one that was just found free."""


def is_taken(port: int) -> bool:
    """Whether a server cannot listen on this port of loopback."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def free_ports(count: int) -> list[int]:
    """Ports that nobody listened on just now, all different; by chance, so that two who ask get others."""
    by_chance = random.SystemRandom().sample(_NEVER_HANDED_OUT, len(_NEVER_HANDED_OUT))
    return list(islice((port for port in by_chance if not is_taken(port)), count))
