"""The servers that a client may use: one, or several that can stand in for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from amira_client.access import Peer

if TYPE_CHECKING:
    from amira.asr.v1.speech_pb2_grpc import SpeechAsyncStub


@dataclass(frozen=True)
class Server:
    """One address."""

    peer: Peer
    channel: grpc.aio.Channel
    speech: SpeechAsyncStub


class Servers:
    """In the order in which they were given, beginning with the one that served last."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = list(servers)
        self._preferred = 0

    def __len__(self) -> int:
        return len(self._servers)

    @property
    def preferred(self) -> Server:
        """Where new streams go."""
        return self._servers[self._preferred]

    def prefer(self, server: Server) -> None:
        """This one serves."""
        self._preferred = self._servers.index(server)

    def in_turn(self, first: Server) -> list[Server]:
        """All, beginning with `first`."""
        index = self._servers.index(first)
        return self._servers[index:] + self._servers[:index]

    def after(self, server: Server) -> Server:
        """The next one; the same where there is only one."""
        return self._servers[(self._servers.index(server) + 1) % len(self._servers)]

    async def close(self) -> None:
        """Closes all channels."""
        for server in self._servers:
            await server.channel.close()


def split_targets(target: str | Sequence[str]) -> list[str]:
    """One address each. Raises ValueError when there is none.

    A gRPC name such as ``ipv4:10.0.0.1:50051,10.0.0.2:50051`` holds its commas itself.
    """
    given = [target] if isinstance(target, str) else list(target)
    targets = [
        part.strip()
        for one in given
        for part in ([one] if one.startswith(("ipv4:", "ipv6:")) else one.split(","))
        if part.strip()
    ]
    if not targets:
        raise ValueError("no server address: give host:port")
    return targets
