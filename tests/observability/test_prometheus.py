"""A real Prometheus scrapes the real stack, keeps what is declared, and computes the rules."""

from __future__ import annotations

import pytest

from amira_core.metrics.schema import SCHEMA, Gateway
from tests.observability.conftest import SERVICES, Said, until
from tests.observability.rules import FOLDER, TRITON_OWN
from tests.observability.rules import rules as read_rules
from tests.support.prometheus import Prometheus


def test_every_target_is_up(prometheus: Prometheus) -> None:
    jobs = {target["labels"]["job"] for target in prometheus.targets()}
    assert jobs == {*(f"amira-{service}" for service in SERVICES), "triton"}
    # One may miss its time on a machine that stands still, and its figures with it.
    until(lambda: {(each["health"], each["lastError"]) for each in prometheus.targets()} == {("up", "")})


@pytest.mark.parametrize("service", SERVICES)
def test_it_keeps_what_is_declared(prometheus: Prometheus, service: str) -> None:
    metadata = prometheus.metadata()
    for metric in SCHEMA[service]:
        if not metric.optional:
            (entry,) = metadata[metric.name]
            assert (entry["type"], entry["unit"]) == (metric.kind.value, metric.unit)
            series = f'{{__name__=~"{metric.series}(_count)?",job="amira-{service}"}}'
            until(lambda series=series: prometheus.query(series))  # type: ignore[misc]  # bound here


def test_values_arrive(prometheus: Prometheus, said: Said) -> None:
    until(lambda: prometheus.query(Gateway.WORDS.series))
    assert prometheus.value(Gateway.WORDS.series) >= len(said.words)
    assert prometheus.value(f'{Gateway.STREAMS_REFUSED.series}{{reason="NO_CAPACITY"}}') == 1


def test_the_rules_are_computed_and_nobody_is_woken(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert len(rules) == sum(len(read_rules(FOLDER / file)) for file in ("recording.yml", "alerts.yml"))
    for rule in rules:
        assert (rule["health"], rule.get("lastError")) == ("ok", None)
    firing = [
        rule["name"] for rule in rules if rule.get("state") == "firing" and "page" in str(rule["labels"])
    ]
    assert firing == []
    assert 0 <= prometheus.value("amira:decoder_slots:used_ratio") <= 1


def test_tritons_own_figures_have_the_names_that_are_used(prometheus: Prometheus) -> None:
    for name in TRITON_OWN - {"nv_gpu_utilization", "nv_gpu_memory_used_bytes"}:
        until(lambda name=name: prometheus.query(f'{name}{{job="triton"}}'))  # type: ignore[misc]  # bound here
