"""CPU time and memory of a stack's services."""

from __future__ import annotations

from amira_local.stack import LocalStack
from benchmarks.machine import Usage, processes_below, usage

__all__ = ["Usage", "usage_by_service"]


def usage_by_service(stack: LocalStack) -> dict[str, Usage]:
    """Totals over each service's process and everything below it."""
    return {name: usage(processes_below(process.pid)) for name, process in stack.processes.items()}
