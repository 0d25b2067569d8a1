"""What a stream does when a server is lost, or does not take it: where it goes, for how long it tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from amira_client.errors import ServerError
from amira_client.resuming import Resuming, is_loss, is_unreachable, may_pass
from amira_client.retrying import Retrying, can_begin_later
from amira_client.servers import Server, Servers

Renew = Callable[[ServerError], bool]
"""Whether another token may be taken where one was not; the next call brings it."""


@dataclass(frozen=True)
class Plan:
    """Where to go on.

    Attributes:
        at_once: servers to be asked now, in order.
        later: servers to be asked after each pause.
        for_s: no pause begins that would end later than this.
    """

    at_once: list[Server]
    later: list[Server]
    for_s: float


@dataclass(frozen=True)
class Recovery:
    """Settings of one stream.

    Attributes:
        resuming: None: the first loss ends the stream.
        retrying: None: so does the first refusal.
        renew: asked when a server does not take the token.
    """

    resuming: Resuming | None
    retrying: Retrying | None
    renew: Renew

    def after_loss(self, error: ServerError, servers: Servers, lost: Server) -> Plan | None:
        """For a stream that had begun; None where it cannot go on."""
        if self.resuming is None or not is_loss(error):
            return None
        turn = servers.in_turn(servers.after(lost) if error.reason else lost)
        return Plan(turn, turn, self.resuming.for_s)

    def after_refusal(self, error: ServerError, servers: Servers, refused_by: Server) -> Plan | None:
        """For a stream that has not begun; None where no server will take it."""
        if self.resuming is None:  # the audio until now is not kept
            return None
        turn = servers.in_turn(servers.after(refused_by))
        others = turn[:-1]
        if self.retrying is not None and can_begin_later(error):
            return Plan(others, turn, self.retrying.for_s)
        # A server that never answered is rather wrong than lost: the others are tried, but once.
        if is_unreachable(error) or error.reason:
            return Plan(others, [], 0.0) if may_pass(error) else None
        return self.after_loss(error, servers, refused_by)
