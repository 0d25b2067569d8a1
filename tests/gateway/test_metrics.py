"""What the gateway counts when replicas are lost, clients do not read, and tenants come."""

from __future__ import annotations

import grpc
import pytest

from amira_core.metrics.metric import Kind, Metric
from amira_core.metrics.registry import REGISTRY
from amira_core.metrics.schema import OTHER, Gateway
from amira_gateway import metrics
from amira_gateway.access.identity import Identity, Limits
from amira_gateway.access.place import Place
from amira_gateway.access.tenants import Tenants
from amira_gateway.replicas.breaker import Breaker
from tests.gateway.replay.test_failover import TALK, fail_at
from tests.gateway.scripted import running, talk


class Counted:
    """By how much the process's metrics have grown since."""

    def __init__(self) -> None:
        self._before = self._now()

    def __call__(self, metric: Metric, **labels: str) -> float:
        name = f"{metric.series}_count" if metric.kind is Kind.HISTOGRAM else metric.series
        now = self._now()
        return sum(
            value - self._before.get(key, 0.0)
            for key, value in now.items()
            if key[0] == name and labels.items() <= dict(key[1]).items()
        )

    def _now(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        samples = (sample for family in REGISTRY.collect() for sample in family.samples)
        return {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}


@pytest.fixture
def counted() -> Counted:
    """From the start of the test."""
    return Counted()


@pytest.mark.parametrize(
    ("service", "failure", "cause"),
    [
        ("decoder", "lost", "ENCODER_LOST"),
        ("decoder", "drain", "DRAINING"),
        ("decoder", "bug", "DECODER_LOST"),
        ("frontend", "bug", "FRONTEND_LOST"),
        ("frontend", "drain", "DRAINING"),
    ],
)
async def test_a_stream_that_moves(counted: Counted, service: str, failure: str, cause: str) -> None:
    async with running(replicas=2, buffer_audio_s=1) as stack:
        fail_at(stack, service, [(12, failure)])
        answer = await talk(stack, *TALK)
        assert answer.code is grpc.StatusCode.OK, answer.details
    assert counted(Gateway.MOVES, service=service, cause=cause) == counted(Gateway.MOVES) == 1
    assert counted(Gateway.MOVES_FAILED) == 0
    # A replica that drains is left once another one has the stream: there is no pause.
    assert counted(Gateway.RECOVERY, service=service) == (0 if failure == "drain" else 1)
    assert counted(Gateway.REPLAYED, service=service) == counted(Gateway.REPLAYED)
    if service == "decoder":
        assert counted(Gateway.REPLAYED) > 0
    assert counted(Gateway.STREAMS_ENDED, status="OK") == counted(Gateway.STREAMS_ENDED) == 1


async def test_a_stream_that_finds_no_other_replica(counted: Counted) -> None:
    async with running(replicas=1) as stack:
        fail_at(stack, "decoder", [(12, "lost")])
        answer = await talk(stack, *TALK)
        assert answer.code is grpc.StatusCode.UNAVAILABLE
    assert counted(Gateway.MOVES_FAILED, service="decoder") == 1
    assert counted(Gateway.MOVES) == counted(Gateway.RECOVERY) == 0
    assert counted(Gateway.STREAMS_ENDED, status="ENCODER_LOST") == 1


def test_a_breaker_counts_how_often_it_opens() -> None:
    now = 0.0
    breaker = Breaker("decoder d:1", failures=1, open_s=1, clock=lambda: now)
    for _ in range(2):
        now += 2
        with pytest.raises(TimeoutError), breaker.attempt():
            raise TimeoutError
    assert breaker.opened == 2


def test_audio_by_tenant_and_no_more_tenants_than_can_be_kept_apart(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_tenant_label", metrics.BoundedLabel(2))
    tenants = Tenants(Limits())
    for name in ("first", "second", "third", "fourth"):
        place = Place("s", tenants, Identity(name, "key", frozenset()))
        place.heard(1.0)
        place.heard(2.5)
        place.close()
    Place("s").heard(1.0)
    assert counted(Gateway.TENANT_AUDIO, tenant="first") == 2.5
    assert counted(Gateway.TENANT_AUDIO, tenant=OTHER) == 5.0
    assert counted(Gateway.TENANT_AUDIO, tenant="third") == 0
    assert counted(Gateway.AUDIO) == 11.0


@pytest.mark.parametrize("reason", ["NO_CAPACITY", "UNAUTHENTICATED"])
def test_refusals_are_counted_by_reason(counted: Counted, reason: str) -> None:
    metrics.stream_ended(False, reason, 0.1)
    metrics.stream_ended(True, reason, 0.1)
    assert counted(Gateway.STREAMS_REFUSED, reason=reason) == counted(Gateway.STREAMS_REFUSED) == 1
    assert counted(Gateway.STREAMS_ENDED, status=reason) == counted(Gateway.STREAMS_ENDED) == 1
