"""What a stream costs on a machine that one pays for by the hour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.capacity.prices import HostedService, Machine, Prices

HOURS_A_MONTH: Final = 730


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


@dataclass(frozen=True)
class MonthlyCost:
    """Of recognizing so many hours of audio a month; docs/javascripts/cost.js computes the same."""

    name: str
    usd: float
    machines: int | None
    """That run all the time; None for a service."""


def monthly_costs(
    prices: Prices, hours: float, streams_per_core: float, filled: float, other_usd: float = 0.0
) -> list[MonthlyCost]:
    """Whole machines, of which there is at least one, against services by the minute.

    Args:
        prices: of both.
        hours: of audio a month.
        streams_per_core: measured.
        filled: share of the places that is in use on average, (0, 1].
        other_usd: what else machines of one's own cost a month: people, traffic, disks, spare machines.

    Raises:
        ValueError: a share, rate or amount that cannot be.
    """
    if hours < 0 or other_usd < 0:
        raise ValueError("hours and other costs cannot be below 0")
    own = []
    for cost in stream_costs(prices.machines, streams_per_core, filled):
        machines = max(1, math.ceil(hours / HOURS_A_MONTH / (cost.streams * filled)))
        usd = machines * cost.machine.usd_per_hour * HOURS_A_MONTH + other_usd
        own.append(MonthlyCost(cost.machine.name, usd, machines))
    hosted = [MonthlyCost(each.name, each.usd_per_minute * 60 * hours, None) for each in prices.services]
    return own + hosted
