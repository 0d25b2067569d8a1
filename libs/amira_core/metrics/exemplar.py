"""The trace that an observation came from: Grafana leads from a slow bucket to it."""

from __future__ import annotations

from amira_core.tracing.ids import current_trace_ids


def current_exemplar() -> dict[str, str] | None:
    """For ``observe(value, current_exemplar())``: the current trace, if it is one that can be looked up."""
    ids = current_trace_ids()
    return {"trace_id": ids.trace_id} if ids is not None and ids.sampled else None
