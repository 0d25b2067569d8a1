"""A channel whose certificates may be renewed: calls that run stay on the connection that they have.

grpc's client credentials are fixed for the life of a channel. So a channel is replaced when a file
has changed: new calls go through the new one, and the old one is closed with its last call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc

from amira_core.security.client_tls import ClientTls

_LOOK_EVERY_S = 1.0

OpenChannel = Callable[[grpc.ChannelCredentials], grpc.aio.Channel]


class _Lease:
    """One channel, and how many calls run on it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._calls = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None

    def watch(self, call: Any) -> None:
        """Counts a call until it is done."""
        self._calls += 1
        call.add_done_callback(self._done)

    def retire(self) -> None:
        """Closes the channel as soon as no call runs on it."""
        self._retired = True
        self._close_if_unused()

    @property
    def closing(self) -> bool:
        """Whether it is retired and unused."""
        return self._closing is not None

    def _done(self, _: Any) -> None:
        self._calls -= 1
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._retired and self._calls == 0 and self._closing is None:
            self._closing = asyncio.ensure_future(self.channel.close())


class _Method:
    """A method of a stub, on whatever channel is current when it is called."""

    def __init__(self, owner: ReloadingChannel, kind: str, args: tuple[Any, ...], kwargs: Any) -> None:
        self._owner, self._kind, self._args, self._kwargs = owner, kind, args, kwargs
        self._lease: _Lease | None = None
        self._method: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        lease = self._owner._current()
        if lease is not self._lease:
            self._lease = lease
            self._method = getattr(lease.channel, self._kind)(*self._args, **self._kwargs)
        call = self._method(*args, **kwargs)
        lease.watch(call)
        return call


class ReloadingChannel(grpc.aio.Channel):
    """A grpc.aio.Channel over `open_channel`, opened again when the files of `tls` have changed."""

    def __init__(
        self, tls: ClientTls, open_channel: OpenChannel, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        """`look_every_s`: how often, at most, the files are looked at."""
        self._tls = tls
        self._open = open_channel
        self._look_every_s = look_every_s
        self._looked_at = time.monotonic()
        self._credentials = tls.credentials()
        self._lease = _Lease(open_channel(self._credentials))
        self._old: list[_Lease] = []

    def _current(self) -> _Lease:
        now = time.monotonic()
        if now - self._looked_at >= self._look_every_s:
            self._looked_at = now
            credentials = self._tls.credentials()
            if credentials is not self._credentials:
                self._replace(credentials)
        return self._lease

    def _replace(self, credentials: grpc.ChannelCredentials) -> None:
        self._credentials = credentials
        self._lease.retire()
        self._old = [lease for lease in (*self._old, self._lease) if not lease.closing]
        self._lease = _Lease(self._open(credentials))

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "stream_stream", args, kwargs)

    async def close(self, grace: float | None = None) -> None:
        """Closes every channel that is still open."""
        for lease in (*self._old, self._lease):
            await lease.channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._current().channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._lease.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._current().channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
