"""Who may talk to whom: exactly the calls that the services make, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.kubernetes.rendering import (
    EVERYTHING,
    OVERLAYS,
    SERVICES,
    Manifest,
    containers,
    of_kind,
    pods,
    render,
)
from tests.deploy.kubernetes.rendering import ports as ports_of
from tests.deploy.variables import PUBLIC_SERVICES

ANYBODY = "anybody"
PROMETHEUS = "prometheus"
DNS = "dns"
JAEGER = "amira-jaeger"

Edge = tuple[str, str, int]
"""(who calls, who is called, port)."""

CALLS: set[Edge] = {
    (ANYBODY, "amira-gateway", 50051),
    (ANYBODY, "amira-gateway", 50053),
    ("amira-gateway", "amira-frontend", 50061),
    ("amira-gateway", "amira-decoder", 50071),
    (PROMETHEUS, "amira-gateway", 50052),
    (PROMETHEUS, "amira-frontend", 50062),
    (PROMETHEUS, "amira-decoder", 50072),
    (PROMETHEUS, "amira-decoder", 50082),
    (PROMETHEUS, "amira-decoder", 50083),
    *((f"amira-{service}", DNS, 53) for service in SERVICES),
}
TRACES: set[Edge] = {(f"amira-{service}", JAEGER, port) for service in SERVICES for port in (4317, 4318)}

KINDS = {
    "namespace: monitoring": PROMETHEUS,
    "namespace: kube-system": DNS,
}


def labels_of(manifests: list[Manifest]) -> dict[str, dict[str, str]]:
    """Deployment -> labels of its pods."""
    return {name: template["metadata"]["labels"] for name, template in pods(manifests)}


def selected(selector: Manifest, labels: dict[str, dict[str, str]]) -> list[str]:
    """Deployments whose pods a selector picks."""

    def fits(each: dict[str, str]) -> bool:
        wanted: dict[str, str] = selector.get("matchLabels", {})
        expressions: list[Any] = selector.get("matchExpressions", [])
        assert all(expression["operator"] == "In" for expression in expressions)
        return wanted.items() <= each.items() and all(
            each.get(expression["key"]) in expression["values"] for expression in expressions
        )

    return [name for name, each in labels.items() if fits(each)]


def peers(rules: list[Manifest], side: str, labels: dict[str, dict[str, str]]) -> Iterator[tuple[str, int]]:
    """(who, port) of all rules of one direction."""
    for rule in rules:
        for port in rule["ports"]:
            for peer in rule.get(side, [None]):
                for who in [ANYBODY] if peer is None else named(peer, labels):
                    yield who, port["port"]


def named(peer: Manifest, labels: dict[str, dict[str, str]]) -> list[str]:
    """Who a peer of a rule is."""
    if "namespaceSelector" not in peer:
        return selected(peer["podSelector"], labels)
    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert peer["podSelector"]["matchLabels"]  # never all of a namespace
    return [KINDS[f"namespace: {namespace}"]]


def allowed(manifests: list[Manifest], chosen_direction: str) -> set[Edge]:
    """All edges that the policies of a direction let through."""
    labels = labels_of(manifests)
    found: set[Edge] = set()
    for policy in of_kind(manifests, "NetworkPolicy").values():
        spec = policy["spec"]
        for name in selected(spec["podSelector"], labels):
            if chosen_direction == "Ingress":
                found |= {(who, name, port) for who, port in peers(spec.get("ingress", []), "from", labels)}
            else:
                found |= {(name, who, port) for who, port in peers(spec.get("egress", []), "to", labels)}
    return found


def through(manifests: list[Manifest]) -> set[Edge]:
    """Calls that both ends are allowed; those with an end outside need only the other."""
    coming, going = allowed(manifests, "Ingress"), allowed(manifests, "Egress")
    outside = {ANYBODY, PROMETHEUS, DNS}
    return {edge for edge in coming | going if {edge[0], edge[1]} & outside or edge in coming & going}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_exactly_the_calls_that_services_make(overlay: str) -> None:
    assert through(render(overlay)) == CALLS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_with_jaeger_traces_and_no_more(overlay: str) -> None:
    opened = {edge for edge in through(render(overlay, EVERYTHING)) if edge not in CALLS}
    assert opened - {(JAEGER, DNS, 53)} == TRACES


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_edge_is_allowed_at_one_end_alone(overlay: str) -> None:
    manifests = render(overlay, EVERYTHING)
    one_sided = allowed(manifests, "Ingress") ^ allowed(manifests, "Egress")
    assert {edge for edge in one_sided if not {edge[0], edge[1]} & {ANYBODY, PROMETHEUS, DNS}} == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_no_policy_allows_is_denied(overlay: str) -> None:
    manifests = render(overlay, EVERYTHING)
    labels = labels_of(manifests)
    closed = {
        direction: {
            name
            for policy in of_kind(manifests, "NetworkPolicy").values()
            if direction in policy["spec"]["policyTypes"]
            for name in selected(policy["spec"]["podSelector"], labels)
        }
        for direction in ("Ingress", "Egress")
    }
    assert closed["Ingress"] == closed["Egress"] == set(labels)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_port_that_can_be_called_is_one_of_the_pod(overlay: str) -> None:
    manifests = render(overlay, EVERYTHING)
    heard = {
        name: {
            number
            for container in containers(template["spec"]).values()
            for number in ports_of(container).values()
        }
        for name, template in pods(manifests)
    }
    missing = {(who, port) for _, who, port in through(manifests) if who in heard and port not in heard[who]}
    # NVIDIA's image has no supervisor.
    assert missing <= ({("amira-decoder", 50083)} if overlay == "prod-gpu" else set())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_both_doors_of_the_gateway_are_routed_to_without_an_end(overlay: str) -> None:
    manifests = render(overlay, EVERYTHING)
    ports = {port["name"]: port for port in of_kind(manifests, "Service")["amira-gateway"]["spec"]["ports"]}
    routes = {kind: next(iter(of_kind(manifests, kind).values())) for kind in ("GRPCRoute", "HTTPRoute")}
    for kind, name in (("GRPCRoute", "grpc"), ("HTTPRoute", "web")):
        (rule,) = routes[kind]["spec"]["rules"]
        (behind,) = rule["backendRefs"]
        assert behind == {"name": "amira-gateway", "port": ports[name]["port"]}
    assert rule["timeouts"] == {"request": "0s"}
    (calls,) = routes["GRPCRoute"]["spec"]["rules"]
    assert [match["method"]["service"] for match in calls["matches"]] == PUBLIC_SERVICES
    limits = of_kind(manifests, "BackendTrafficPolicy")["amira"]["spec"]
    assert {each["kind"] for each in limits["targetRefs"]} == set(routes)
    assert set(limits["timeout"]["http"].values()) == {"0s"}


@pytest.mark.parametrize("tls", [False, True])
def test_balancers_are_told_what_the_gateway_speaks(tls: bool) -> None:
    services = of_kind(render("prod-cpu", ("tls",) if tls else ()), "Service")
    for name in ("amira-gateway", "amira-gateway-replicas"):
        spoken = {port["name"]: port.get("appProtocol") for port in services[name]["spec"]["ports"]}
        plain = {"grpc": "kubernetes.io/h2c", "web": "kubernetes.io/ws"}
        assert spoken == (dict.fromkeys(plain) if tls else plain), "a TLS port is said by BackendTLSPolicy"
