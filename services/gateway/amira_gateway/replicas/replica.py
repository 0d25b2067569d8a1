"""One address of a service: its channel, its breaker, and what it said a moment ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from amira_core import errors
from amira_core.log_context import session_metadata
from amira_core.rpc.channel import open_channel
from amira_core.tracing.process import client_interceptors
from amira_core.tracing.stream import stream_trace
from amira_gateway.replicas.breaker import Breaker, BreakerOpenError, is_loss
from amira_gateway.replicas.settings import ReplicaSettings

_LOST_S = 1.0
_DRAINING_S = 5.0


class _Call(Protocol):
    def add_done_callback(self, callback: Any, /) -> None: ...


CallT = TypeVar("CallT", bound=_Call)


class Replica:
    """What the gateway knows of one replica. Connects on first use and by itself again.

    A call on its channel is opened inside :meth:`attempt` and given to :meth:`track`; whoever loses it later
    says so with :meth:`lost`, and whoever is told that the replica drains, with :meth:`drains`.
    """

    def __init__(
        self,
        service: str,
        target: str,
        settings: ReplicaSettings,
        options: Sequence[tuple[str, str | int]] = (),
    ) -> None:
        """`options` are further ones for its channel."""
        self.target = target
        self.channel = open_channel(target, options, interceptors=client_interceptors())
        self.breaker = Breaker(f"{service} {target}", settings.breaker_failures, settings.breaker_open_s)
        self.last_loss: type[errors.ServiceUnavailableError] | None = None
        """As what it was last lost; None once it has taken a stream since."""
        self.tried_at = 0.0
        """Monotonic time at which a stream was last opened here, or tried to be."""
        self._held_back_until = 0.0
        self._uses = 0
        self._closed = False

    @property
    def held_back(self) -> bool:
        """Whether it was full, draining or lost a moment ago, so that others are tried first."""
        return time.monotonic() < self._held_back_until

    @property
    def calls(self) -> int:
        """Calls that run on its channel, or are about to."""
        return self._uses

    @property
    def in_use(self) -> bool:
        """Whether calls run on its channel, which must not be closed then."""
        return self._uses > 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """One try to open a call; lets through what the block raises.

        Raises:
            BreakerOpenError: without running the block; also once the replica is closed.
        """
        if self._closed:
            raise BreakerOpenError
        with self.breaker.attempt():
            self.tried_at = time.monotonic()
            self._uses += 1
            try:
                yield
            except errors.AmiraError as error:
                self._note(error)
                raise
            finally:
                self._uses -= 1
            self._held_back_until = 0.0
            self.last_loss = None

    def open(self, stream: Callable[..., CallT], method: str) -> CallT:
        """Opens a streaming call, a span of the stream's trace. `method`: ``package.Service/Method``."""
        outgoing = stream_trace().call(method, self.target, self.channel)
        metadata = (*(outgoing.metadata or ()), *session_metadata())
        return self.track(outgoing.watch(stream(metadata=metadata)))

    def track(self, call: CallT) -> CallT:
        """Keeps the channel open until `call` (of grpc.aio) is over, though its address may vanish."""
        self._uses += 1
        call.add_done_callback(self._ended)
        return call

    def lost(self, error: errors.AmiraError) -> None:
        """A running stream ended with `error`, which need not be a loss."""
        self._note(error)
        if is_loss(error):
            self.breaker.failed()

    def drains(self) -> None:
        """It announced that it is about to stop."""
        self._hold_back(_DRAINING_S)

    async def close(self) -> None:
        """Cancels what runs on its channel and closes it."""
        self._closed = True
        await self.channel.close()

    def _ended(self, call: Any) -> None:
        self._uses -= 1

    def _note(self, error: errors.AmiraError) -> None:
        if isinstance(error, errors.DrainingError):
            self.drains()
        elif isinstance(error, errors.ServiceUnavailableError):
            self.last_loss = type(error)
            self._hold_back(_LOST_S)
        elif isinstance(error, errors.NoCapacityError):
            self._hold_back((error.retry_after_ms or 0) / 1000)

    def _hold_back(self, seconds: float) -> None:
        self._held_back_until = time.monotonic() + seconds
