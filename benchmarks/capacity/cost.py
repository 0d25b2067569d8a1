"""What a stream costs on a machine that one pays for by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.capacity.prices import HostedService, Machine


@dataclass(frozen=True)
class StreamCost:
    """On one kind of machine."""

    machine: Machine
    streams: float
    """That the machine carries at once, within the latency budget."""
    usd_per_stream_hour: float
    """Of a stream that runs, at the share of places that are filled on average."""

    @property
    def usd_per_minute(self) -> float:
        return self.usd_per_stream_hour / 60


def stream_costs(machines: Sequence[Machine], streams_per_core: float, filled: float) -> list[StreamCost]:
    """Costs on each machine.

    Args:
        machines: with their prices.
        streams_per_core: measured, gateway and frontend included; taken to grow with the cores.
        filled: share of the places that is in use on average; the rest is headroom that is paid for.

    Raises:
        ValueError: a share or rate that cannot be.
    """
    if not 0 < filled <= 1 or streams_per_core <= 0:
        raise ValueError("streams per core must be above 0, and the share of filled places in (0, 1]")
    costs = []
    for machine in machines:
        streams = streams_per_core * machine.cores
        costs.append(StreamCost(machine, streams, machine.usd_per_hour / (streams * filled)))
    return costs


def break_even_streams(cost: StreamCost, service: HostedService) -> float:
    """Streams that must run all the time for one such machine to be cheaper than the service."""
    return cost.machine.usd_per_hour / (service.usd_per_minute * 60)
