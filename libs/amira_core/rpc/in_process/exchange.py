"""What the two ends of a call share: its messages and how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc

from amira_core.rpc.in_process.pipe import Pipe

Metadata = tuple[tuple[str, str | bytes], ...]

_CANCELLED_BY_CALLER = "Locally cancelled by application!"
_DEADLINE_EXCEEDED = "Deadline Exceeded"


class Exchange:
    """One call, from its beginning to its status. The first status counts."""

    def __init__(self, method: str, metadata: Metadata, timeout_s: float | None) -> None:
        self.method = method
        self.metadata = metadata
        self.requests = Pipe()
        self.responses = Pipe()
        self.initial_metadata: Metadata = ()
        self.code: grpc.StatusCode | None = None
        """None until the call is over."""
        self.details = ""
        self.trailing_metadata: Metadata = ()
        self.is_cancelled_by_caller = False
        self.began = asyncio.Event()
        """Set once the initial metadata are known, or the call is over."""
        self.over = asyncio.Event()
        self._handler: asyncio.Task[None] | None = None
        self._on_end: list[Callable[[], None]] = []
        self._ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        self._deadline = (
            None
            if timeout_s is None
            else asyncio.get_running_loop().call_later(max(0.0, timeout_s), self._run_out)
        )

    @property
    def done(self) -> bool:
        """Whether the call is over; messages may still be there to be read."""
        return self.code is not None

    @property
    def time_remaining_s(self) -> float | None:
        """Until the deadline; None without one."""
        return None if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def handled_by(self, handler: asyncio.Task[None]) -> None:
        """Names the task to be cancelled when the caller goes away."""
        self._handler = handler

    def on_end(self, call: Callable[[], None]) -> None:
        """Calls back when the call is over; at once where it is."""
        if self.done:
            call()
        else:
            self._on_end.append(call)

    def begin(self, initial_metadata: Metadata) -> None:
        """The server's first sign of life."""
        if not self.began.is_set():
            self.initial_metadata = initial_metadata
            self.began.set()

    def finish(self, code: grpc.StatusCode, details: str, trailing_metadata: Metadata) -> None:
        """The server ends the call; the caller can still read what was sent before."""
        if not self.done:
            self.responses.close()
            self._end(code, details, trailing_metadata)

    def cancel(self) -> None:
        """The caller wants no more."""
        if not self.done:
            self.is_cancelled_by_caller = True
            self.cut(grpc.StatusCode.CANCELLED, _CANCELLED_BY_CALLER)

    def cut(self, code: grpc.StatusCode, details: str) -> None:
        """Ends the call for both sides at once: the handler is cancelled, messages on their way are lost."""
        if self.done:
            return
        self.responses.drop()
        self._end(code, details, ())
        if self._handler is not None:
            self._handler.cancel()

    def _run_out(self) -> None:
        self.cut(grpc.StatusCode.DEADLINE_EXCEEDED, _DEADLINE_EXCEEDED)

    def _end(self, code: grpc.StatusCode, details: str, trailing_metadata: Metadata) -> None:
        self.code, self.details, self.trailing_metadata = code, details, trailing_metadata
        self.requests.drop()
        if self._deadline is not None:
            self._deadline.cancel()
        self.began.set()
        self.over.set()
        for call in self._on_end:
            call()
        self._on_end.clear()


def as_metadata(metadata: Any) -> Metadata:
    """What callers and handlers give as metadata, as pairs."""
    return tuple((str(key), value) for key, value in metadata or ())
