"""How pods start, what they may do, and that they have the time to end in peace."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.deploy.kubernetes.rendering import (
    EVERYTHING,
    OVERLAYS,
    SERVICES,
    Manifest,
    containers,
    environment,
    of_kind,
    pod_of,
    pods,
    ports,
    render,
)

COMPOSE_ENV = ROOT / "deploy" / "compose" / ".env"
IMAGES = ROOT / "deploy" / "images"
USER = 10001

LAST_STATUSES_S = 2.0
"""What services allow after the drain for the last statuses to get out."""
MARGIN_S = 3.0
TRITON_DEATH_S = 3.0
"""What the supervisor waits beyond its stop time-out, until it kills."""

both = pytest.mark.parametrize("chosen", [(), EVERYTHING], ids=["alone", "everything"])
everywhere = pytest.mark.parametrize("overlay", OVERLAYS)


@everywhere
@both
def test_nobody_is_root_or_may_become_it(overlay: str, chosen: tuple[str, ...]) -> None:
    for _, template in pods(render(overlay, chosen)):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == USER
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod).values():
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_images_run_as_the_user_of_the_pods() -> None:
    for dockerfile in IMAGES.glob("*/Dockerfile*"):
        assert re.search(rf"^USER {USER}:{USER}$", dockerfile.read_text(), re.MULTILINE), dockerfile


@everywhere
@both
def test_nobody_has_a_token_of_the_cluster(overlay: str, chosen: tuple[str, ...]) -> None:
    manifests = render(overlay, chosen)
    accounts = of_kind(manifests, "ServiceAccount")
    for name, template in pods(manifests):
        assert template["spec"]["automountServiceAccountToken"] is False
        assert template["spec"]["serviceAccountName"] == name
        assert accounts[name]["automountServiceAccountToken"] is False
        # A Service named amira-gateway would bring AMIRA_GATEWAY_PORT and more of that kind.
        assert template["spec"]["enableServiceLinks"] is False


@everywhere
@both
def test_every_container_says_what_it_needs(overlay: str, chosen: tuple[str, ...]) -> None:
    for _, template in pods(render(overlay, chosen)):
        for container in containers(template["spec"]).values():
            assert set(container["resources"]["requests"]) >= {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@everywhere
def test_triton_knows_how_many_threads_to_start(overlay: str) -> None:
    limits = containers(pod_of(render(overlay), "decoder"))["triton"]["resources"]["limits"]
    assert limits["cpu"].isdigit()


@everywhere
@both
def test_images_and_their_versions(overlay: str, chosen: tuple[str, ...]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    compose = dict(
        line.split("=", 1) for line in COMPOSE_ENV.read_text().splitlines() if re.match(r"\w+=", line)
    )
    own = {"gateway", "frontend", "decoder", "triton", "triton-nvidia"}
    assert compose["AMIRA_VERSION"] == version
    for _, template in pods(render(overlay, chosen)):
        for container in containers(template["spec"]).values():
            image, _, tag = container["image"].rpartition(":")
            if container["name"] == "jaeger":
                assert container["image"] == compose["JAEGER_IMAGE"]
            else:
                assert image.removeprefix(compose["AMIRA_IMAGE_PREFIX"]) in own
                assert tag == version


def test_versions_are_named_in_one_place() -> None:
    manifests = ROOT / "deploy" / "kubernetes"
    named = [path for path in manifests.rglob("*.yaml") if re.search(r"newTag|image: .*:", path.read_text())]
    assert sorted(str(path.relative_to(manifests)) for path in named) == [
        "base/kustomization.yaml",
        "components/jaeger/kustomization.yaml",  # not Amira's
    ]


@everywhere
@both
def test_probes_ask_ports_that_are_there_and_names_that_exist(overlay: str, chosen: tuple[str, ...]) -> None:
    for _, template in pods(render(overlay, chosen)):
        for container in containers(template["spec"]).values():
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                if probe := container.get(kind):
                    _check(probe, container, kind)


def _check(probe: Manifest, container: Manifest, kind: str) -> None:
    handlers = [probe[handler] for handler in ("grpc", "exec", "httpGet", "tcpSocket") if handler in probe]
    assert len(handlers) == 1
    (handler,) = handlers
    if "port" in handler:
        assert handler["port"] in {*ports(container), *ports(container).values()}
    if "grpc" in probe:
        assert handler["port"] == ports(container)["grpc"]
        assert handler.get("service", "") in ("", "live")
    if kind == "livenessProbe" and container["name"] in SERVICES:
        # Not by readiness: waiting for another service, or draining, is nothing that a restart mends.
        assert handler.get("service") == "live" or "--live" in handler["command"]
    if "exec" in probe:
        program, *arguments = handler["command"]
        assert (program, arguments[0]) in [
            ("amira-health", container["name"]),
            ("python3", "/opt/amira/answers.py"),
        ]


@everywhere
def test_with_tls_nobody_is_asked_by_the_kubelet_which_speaks_none(overlay: str) -> None:
    manifests = render(overlay, ("tls",))
    for service in SERVICES:
        container = containers(pod_of(manifests, service))[service]
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert set(container[kind]) & {"grpc", "exec", "httpGet", "tcpSocket"} == {"exec"}


COLD_START_CPU_S = {"frontend": 5.0, "decoder": 15.0}
"""CPU time from the start to readiness with nothing compiled yet, as measured (docs/DEPLOYMENT.md)."""


@everywhere
@both
@pytest.mark.parametrize("service", COLD_START_CPU_S)
def test_a_cold_start_has_time_enough(overlay: str, chosen: tuple[str, ...], service: str) -> None:
    probe = containers(pod_of(render(overlay, chosen), service))[service]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 8 * COLD_START_CPU_S[service]


def drain_s(manifests: list[Manifest], service: str) -> float:
    """preStop, drain and last statuses of a service."""
    container = containers(pod_of(manifests, service))[service]
    told = environment(manifests, container)
    pause: float = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    return pause + float(told[f"AMIRA_{service.upper()}_DRAIN_TIMEOUT_S"]) + LAST_STATUSES_S


@everywhere
@both
@pytest.mark.parametrize("service", SERVICES)
def test_there_is_time_to_drain(overlay: str, chosen: tuple[str, ...], service: str) -> None:
    manifests = render(overlay, chosen)
    needed = drain_s(manifests, service) + MARGIN_S
    if service == "decoder":
        triton = environment(manifests, containers(pod_of(manifests, "decoder"))["triton"])
        needed += float(triton.get("AMIRA_TRITON_DRAIN_TIMEOUT_S", 0))
        needed += float(triton.get("AMIRA_TRITON_STOP_TIMEOUT_S", 10)) + TRITON_DEATH_S
    assert needed <= pod_of(manifests, service)["terminationGracePeriodSeconds"]


@everywhere
def test_triton_is_there_before_its_decoder_and_after_it(overlay: str) -> None:
    (triton,) = pod_of(render(overlay), "decoder")["initContainers"]
    assert triton["restartPolicy"] == "Always"
    assert triton["startupProbe"]


@everywhere
def test_triton_has_shared_memory_of_its_own(overlay: str) -> None:
    pod = pod_of(render(overlay), "decoder")
    (mount,) = (
        mount
        for mount in containers(pod)["triton"]["volumeMounts"]
        if mount["mountPath"] == "/dev/shm"  # noqa: S108
    )
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == mount["name"])
    assert volume["emptyDir"]["medium"] == "Memory"


@everywhere
@both
def test_volumes_and_mounts_belong_together(overlay: str, chosen: tuple[str, ...]) -> None:
    for _, template in pods(render(overlay, chosen)):
        pod = template["spec"]
        mounted = {
            mount["name"] for each in containers(pod).values() for mount in each.get("volumeMounts", [])
        }
        assert mounted == {volume["name"] for volume in pod.get("volumes", [])}


@everywhere
@both
def test_selectors_match_the_pods_that_they_are_for(overlay: str, chosen: tuple[str, ...]) -> None:
    manifests = render(overlay, chosen)
    labels = {name: template["metadata"]["labels"] for name, template in pods(manifests)}
    for name, deployment in of_kind(manifests, "Deployment").items():
        assert matches(deployment["spec"]["selector"]["matchLabels"], labels[name])
        for spread in deployment["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
            assert matched(spread["labelSelector"]["matchLabels"], labels) == [name]
    for name, service in of_kind(manifests, "Service").items():
        assert matched(service["spec"]["selector"], labels) == [name.removesuffix("-replicas")]
        container = next(
            iter(pod_of(manifests, name.removesuffix("-replicas").removeprefix("amira-"))["containers"])
        )
        for port in service["spec"]["ports"]:
            assert ports(container)[port["targetPort"]] == port["port"]


def matches(selector: dict[str, str], labels: dict[str, Any]) -> bool:
    """Whether labels have all that a selector asks for."""
    return selector.items() <= labels.items()


def matched(selector: dict[str, str], labels: dict[str, dict[str, str]]) -> list[str]:
    """Names of those that a selector picks."""
    return [name for name, each in labels.items() if matches(selector, each)]


@everywhere
def test_replicas_are_spread_over_zones_and_nodes(overlay: str) -> None:
    for service in SERVICES:
        spread = pod_of(render(overlay), service)["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }


@everywhere
def test_secrets_are_only_referred_to(overlay: str) -> None:
    assert of_kind(render(overlay, EVERYTHING), "Secret") == {}


def test_jaeger_runs_with_its_one_configuration() -> None:
    copy = ROOT / "deploy" / "kubernetes" / "components" / "jaeger" / "config.yaml"
    assert copy.read_text() == (ROOT / "deploy" / "jaeger" / "jaeger.yaml").read_text()
    jaeger = containers(pod_of(render("dev", ("jaeger",)), "jaeger"))["jaeger"]
    for variable in jaeger["env"]:
        assert f"${{env:{variable['name']}:-" in copy.read_text()
        assert int(variable["value"].rpartition(":")[2]) in ports(jaeger).values()
