"""The supervisor's metrics. Triton's own are at its own address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from amira_core.metrics.process import resident_bytes
from amira_core.metrics.registry import Reading, counter, histogram
from amira_core.metrics.schema import Common, Triton
from amira_triton.stub_process import find_stubs

STARTS = counter(Triton.STARTS)
MODEL_RELOADS = counter(Triton.MODEL_RELOADS)
CANARY = histogram(Triton.CANARY)


class _Supervisor(Protocol):
    @property
    def pid(self) -> int | None:
        """Of a server whose model answers."""


class SupervisorReadings:
    """For :func:`amira_core.metrics.registry.reading`."""

    def __init__(self, supervisor: _Supervisor) -> None:
        self._supervisor = supervisor

    def read(self) -> Iterable[Reading]:
        """Everything, as it is now."""
        pid = self._supervisor.pid
        pids = [] if pid is None else [pid, *find_stubs(pid)]
        yield Common.READY, float(pid is not None)
        yield Triton.UP, float(pid is not None)
        yield Triton.SERVER_MEMORY, float(sum(map(resident_bytes, pids)))
