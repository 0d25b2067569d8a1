"""Autoscalers, KEDA and disruption budgets: what they ask for exists, and their bounds make sense."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from amira_core.metrics.schema import SCHEMA
from scripts import generate_prometheus_rules
from tests.deploy.kubernetes.rendering import (
    KUBERNETES,
    OVERLAYS,
    SERVICES,
    Manifest,
    containers,
    environment,
    of_kind,
    pod_of,
    ports,
    render,
)
from tests.deploy.variables import SETTINGS

PRODUCTION = [overlay for overlay in OVERLAYS if overlay != "dev"]
SERIES = {metric.series for metrics in SCHEMA.values() for metric in metrics}
ADAPTER = yaml.safe_load((KUBERNETES / "prometheus-adapter.yaml").read_text())
_NAME = re.compile(r"\bamira_\w+")

in_production = pytest.mark.parametrize("overlay", PRODUCTION)


def quantity(text: str) -> float:
    """``500m`` is 0.5."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def made_by_adapter() -> set[str]:
    """Names under which the adapter hands metrics to the autoscalers."""
    return {
        rule["name"]["as"] if "name" in rule else rule["seriesQuery"].partition("{")[0]
        for rule in ADAPTER["rules"]["custom"]
    }


def autoscaler_targets(manifests: list[Manifest], service: str) -> dict[str, float]:
    """Metric -> what each pod should have of it."""
    spec = of_kind(manifests, "HorizontalPodAutoscaler")[f"amira-{service}"]["spec"]
    return {
        metric["pods"]["metric"]["name"]: quantity(metric["pods"]["target"]["averageValue"])
        for metric in spec["metrics"]
    }


def test_the_adapter_asks_for_metrics_that_are_exported() -> None:
    for rule in ADAPTER["rules"]["custom"]:
        assert set(_NAME.findall(rule["seriesQuery"] + rule["metricsQuery"])) <= SERIES
        # What is computed must not be taken for what is exported.
        assert ("name" in rule) != (rule["metricsQuery"].startswith("sum(<<.Series>>"))
        assert rule.get("name", {}).get("as") not in SERIES


@in_production
def test_autoscalers_ask_for_metrics_that_the_adapter_gives(overlay: str) -> None:
    for service in SERVICES:
        assert set(autoscaler_targets(render(overlay), service)) <= made_by_adapter()


@in_production
@pytest.mark.parametrize("service", SERVICES)
def test_more_pods_come_before_places_run_out(overlay: str, service: str) -> None:
    targets = autoscaler_targets(render(overlay), service)
    (share,) = (value for name, value in targets.items() if name.endswith("_share"))
    assert 0.6 <= share <= 0.75


@in_production
def test_more_decoders_come_before_they_refuse_by_load(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = render(overlay)
    monkeypatch.delenv("AMIRA_DECODER_TARGET_LOAD", raising=False)
    for name, value in environment(manifests, containers(pod_of(manifests, "decoder"))["decoder"]).items():
        monkeypatch.setenv(name, value)
    settings: Any = SETTINGS["decoder"].load()
    assert autoscaler_targets(manifests, "decoder")["amira_decoder_load_ratio"] <= 0.8 * settings.target_load


CPU_MS_PER_STREAM_SECOND = {"gateway": 7.9, "frontend": 4.9, "decoder": 6.1 + 1.5, "triton": 8 + 1.1}
"""docs/PERFORMANCE.md, with the beam search, in batches of 16 and more."""


@in_production
@pytest.mark.parametrize("service", CPU_MS_PER_STREAM_SECOND)
def test_pods_are_given_what_so_many_streams_were_measured_to_cost(
    overlay: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = render(overlay)
    pod = "decoder" if service == "triton" else service
    (share,) = (
        value for name, value in autoscaler_targets(manifests, pod).items() if name.endswith("_share")
    )
    cpus = quantity(containers(pod_of(manifests, pod))[service]["resources"]["requests"]["cpu"])
    streams = share * capacity(manifests, pod, monkeypatch)
    assert 1000 * cpus >= streams * CPU_MS_PER_STREAM_SECOND[service]


def capacity(manifests: list[Manifest], service: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """Streams that one pod can take."""
    if service == "decoder":
        triton = environment(manifests, containers(pod_of(manifests, "decoder"))["triton"])
        return float(triton.get("AMIRA_TRITON_SLOTS") or triton["AMIRA_ENCODER_SLOTS"])
    for name, value in environment(manifests, containers(pod_of(manifests, service))[service]).items():
        monkeypatch.setenv(name, value)
    settings: Any = SETTINGS[service].load()
    return float(settings.max_streams)


@in_production
def test_streams_are_moved_seldom(overlay: str) -> None:
    for scaler in of_kind(render(overlay), "HorizontalPodAutoscaler").values():
        spec = scaler["spec"]
        assert 2 <= spec["minReplicas"] < spec["maxReplicas"]
        down, up = spec["behavior"]["scaleDown"], spec["behavior"]["scaleUp"]
        assert up["stabilizationWindowSeconds"] == 0
        assert down["stabilizationWindowSeconds"] >= 300
        # The next one leaves only when the one before has drained.
        pod = pod_of(render(overlay), scaler["metadata"]["name"].removeprefix("amira-"))
        (policy,) = down["policies"]
        assert policy["value"] == 1
        assert policy["periodSeconds"] * 2 >= pod["terminationGracePeriodSeconds"]


@in_production
def test_replicas_are_the_autoscalers_alone(overlay: str) -> None:
    for chosen in ((), ("keda",)):
        manifests = render(overlay, chosen)
        for service in SERVICES:
            assert "replicas" not in of_kind(manifests, "Deployment")[f"amira-{service}"]["spec"]
        kinds = of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
        assert {each["kind"] for each in kinds.values()} == {
            "ScaledObject" if chosen else "HorizontalPodAutoscaler"
        }


def test_dev_has_one_of_each_and_nobody_who_changes_that() -> None:
    manifests = render("dev")
    assert of_kind(manifests, "HorizontalPodAutoscaler") == {}
    assert {each["spec"]["replicas"] for each in of_kind(manifests, "Deployment").values()} == {1}


@in_production
@pytest.mark.parametrize("service", SERVICES)
def test_keda_scales_as_the_autoscalers_do(overlay: str, service: str) -> None:
    scaler = of_kind(render(overlay), "HorizontalPodAutoscaler")[f"amira-{service}"]["spec"]
    scaled = of_kind(render(overlay, ("keda",)), "ScaledObject")[f"amira-{service}"]["spec"]
    assert scaled["minReplicaCount"] == scaler["minReplicas"]
    assert scaled["maxReplicaCount"] == scaler["maxReplicas"]
    assert scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == scaler["behavior"]
    thresholds = [float(trigger["metadata"]["threshold"]) for trigger in scaled["triggers"]]
    assert thresholds == list(autoscaler_targets(render(overlay), service).values())
    assert {trigger["metricType"] for trigger in scaled["triggers"]} == {"AverageValue"}


@in_production
def test_keda_asks_for_metrics_that_are_exported(overlay: str) -> None:
    for scaled in of_kind(render(overlay, ("keda",)), "ScaledObject").values():
        for trigger in scaled["spec"]["triggers"]:
            names = set(_NAME.findall(trigger["metadata"]["query"].replace('namespace="amira"', "")))
            assert names
            assert names <= SERIES


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_node_can_always_be_emptied(overlay: str) -> None:
    manifests = render(overlay)
    budgets = of_kind(manifests, "PodDisruptionBudget")
    assert set(budgets) == {f"amira-{service}" for service in SERVICES}
    for name, budget in budgets.items():
        # Whatever the number of replicas, one may go: `minAvailable` would hold a lone one for ever.
        assert budget["spec"]["maxUnavailable"] == 1
        template = of_kind(manifests, "Deployment")[name]["spec"]["template"]
        assert budget["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_prometheus_scrapes_every_port_with_metrics(overlay: str) -> None:
    manifests = render(overlay, ("monitoring",))
    for service in SERVICES:
        monitor = of_kind(manifests, "PodMonitor")[f"amira-{service}"]["spec"]
        scraped = {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]}
        there = {name for each in containers(pod_of(manifests, service)).values() for name in ports(each)} - {
            "grpc",
            "web",
        }
        assert there <= scraped
        assert scraped - there <= ({"supervisor"} if overlay == "prod-gpu" else set())


def test_jobs_have_the_names_that_the_rules_go_by() -> None:
    prometheus = yaml.safe_load((KUBERNETES.parent / "prometheus" / "prometheus.yml").read_text())
    jobs = set()
    for name, monitor in of_kind(render("prod-cpu", ("monitoring",)), "PodMonitor").items():
        assert monitor["spec"]["jobLabel"] == "app.kubernetes.io/name"
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            given = [each["replacement"] for each in endpoint.get("relabelings", [])]
            jobs.add(given[0] if given else name)
    assert jobs == {each["job_name"] for each in prometheus["scrape_configs"]}


def test_the_rules_are_those_of_deploy_prometheus() -> None:
    assert generate_prometheus_rules.MANIFEST.read_text() == generate_prometheus_rules.manifest()
