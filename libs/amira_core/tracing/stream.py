"""What services say about a stream to its trace; every word of it is free while tracing is off.

    trace = stream_trace()                 the call that this task serves
    trace.set(encoding="LINEAR16")         about the stream
    trace.event("endpoint", segment=3)     something happened
    with trace.begin("session") as part:   a part of it, current while the block runs

Never what was said: neither words nor text go into a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

CallT = TypeVar("CallT")
Value = str | bool | int | float
Metadata = tuple[tuple[str, str], ...]


class StreamTrace:
    """A span of a stream. This class itself is that of no trace: it takes everything and does nothing."""

    trace_id: str = ""
    """32 hex digits; empty without a trace."""
    traceparent: str = ""
    """W3C's header for what follows from here; empty without a trace."""
    is_exported: bool = False
    """Whether the trace goes out for sure."""
    headers: Metadata | None = None
    """For a call to what is no service of ours and exports at once; None unless the trace is exported."""

    def begin(
        self, name: str, *, links: Iterable[str] = (), began_s_ago: float = 0.0, **attributes: Value
    ) -> StreamTrace:
        """A part of this, until its :meth:`end`. `links`: traceparents of what it belongs to besides."""
        return self

    def set(self, **attributes: Value) -> None:
        """Says something about the whole span. Names get the prefix `amira.`."""

    def event(self, name: str, **attributes: Value) -> None:
        """Something happened now."""

    def link(self, traceparent: str) -> None:
        """This belongs together with a span elsewhere; does nothing with what is no traceparent."""

    def resumed(self, traceparent: str) -> None:
        """The stream goes on here for what is or was served elsewhere, at `traceparent`."""
        self.event("resumed")
        self.link(traceparent)
        self.keep("resumed")

    def keep(self, reason: str) -> None:
        """The stream is worth a look: its trace is exported though it was not sampled, by all services."""

    def failed(self, reason: str) -> None:
        """The stream failed: the span is marked, the trace kept; unless `reason` was its client's wish."""

    def ended_as(self, reason: str) -> None:
        """The stream ended: ``OK``, ``CANCELLED``, or an AmiraError's reason."""

    def latency(self, seconds: float, *, of_live_audio: bool) -> None:
        """A result left so long after its audio had come; too long for live audio is worth a look."""

    def at_end(self, attributes: Callable[[], dict[str, Value]]) -> None:
        """Has :meth:`set` called with what `attributes` then returns when the span ends."""

    def end(self) -> None:
        """The span is over. Harmless when called twice."""

    @contextmanager
    def current(self) -> Iterator[None]:
        """What tasks that are started in this block find as their stream's trace. Does not end it."""
        yield

    def answer(self) -> Metadata:
        """What a caller from outside is told about the trace (`traceresponse`, as W3C has it)."""
        return ()

    def call(self, method: str, target: str, channel: Any) -> OutgoingCall:
        """The span of a call to another service, which must then be opened with it."""
        return OutgoingCall()

    def __enter__(self) -> StreamTrace:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class OutgoingCall:
    """A streaming call to be opened: its metadata, and who ends its span. This one has none.

    Usage::

        outgoing = stream_trace().call("amira.decoder.v1.Decoder/Decode", target, channel)
        call = outgoing.watch(stub.Decode(metadata=outgoing.metadata))

    No interceptor, since grpc.aio puts a queue between a call with interceptors and its writer: a write
    would return before the other side has room, and its failure come from elsewhere.
    """

    metadata: Metadata | None = None

    def watch(self, call: CallT) -> CallT:
        """Ends the span with the call."""
        return call


NO_TRACE: Final = StreamTrace()

current_trace: ContextVar[StreamTrace] = ContextVar("current_trace", default=NO_TRACE)


def stream_trace() -> StreamTrace:
    """The trace of the stream that this task works for; one that does nothing where there is none."""
    return current_trace.get()
