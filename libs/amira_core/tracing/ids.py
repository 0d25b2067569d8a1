"""Which trace the running code belongs to, for logs, exemplars and answers to clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class TraceIds(NamedTuple):
    """A place in a trace, as W3C writes it."""

    trace_id: str
    """32 hex digits."""
    span_id: str
    """16 hex digits."""
    sampled: bool
    """Whether the trace is exported for sure; others are kept only where their stream fails or is slow."""


def current_trace_ids() -> TraceIds | None:
    """The span that is current in this task; None outside of spans, and always while tracing is off.

    Every task that a client's call has started has one, also where the trace is not sampled: an id in a
    log line helps without the trace, too. Costs a microsecond, and next to nothing while tracing is off:
    it may be asked per log line::

        ids = current_trace_ids()
        if ids is not None:
            event["trace_id"], event["span_id"] = ids.trace_id, ids.span_id

    Exemplars should name a trace that can be looked up: use those with `sampled` set.
    """
    return _look_up() if _look_up is not None else None


_look_up: Callable[[], TraceIds | None] | None = None


def look_up_with(look_up: Callable[[], TraceIds | None] | None) -> None:
    """How to find the ids; None: tracing is off. For :mod:`amira_core.tracing.runtime` alone."""
    global _look_up
    _look_up = look_up
