"""How the gateway treats the replicas of a service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """The same for all replicas of a service.

    Attributes:
        breaker_failures: losses in a row after which a replica is left alone.
        breaker_open_s: for how long, about; then one call tries it.
        accept_timeout_s: a replica that has not taken a stream by then counts as lost.
        lookup_interval_s: time between two look-ups of a dns name.
        health_timeout_s: a replica that does not answer a health check by then does not serve.
    """

    breaker_failures: int = 3
    breaker_open_s: float = 1.0
    accept_timeout_s: float = 3.0
    lookup_interval_s: float = 5.0
    health_timeout_s: float = 2.0
