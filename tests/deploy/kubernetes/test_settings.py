"""What the manifests tell each service is what it understands, and the parts find each other by it."""

from __future__ import annotations

from typing import Any

import pytest

from amira_core.settings import ServiceSettings
from amira_gateway.replicas.addresses import parse_targets
from tests.deploy.kubernetes.rendering import (
    CHOICES,
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
from tests.deploy.variables import METRICS_PORTS, SETTINGS, WEB_PORTS, known_variables, listening_ports

every_choice = pytest.mark.parametrize(
    ("overlay", "chosen"),
    [(overlay, chosen) for overlay in OVERLAYS for chosen in CHOICES],
    ids=lambda value: value if isinstance(value, str) else "+".join(value) or "alone",
)


def programs(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Service -> its container, Triton's too."""
    found = {service: containers(pod_of(manifests, service))[service] for service in SERVICES}
    return {**found, "triton": containers(pod_of(manifests, "decoder"))["triton"]}


def settings_of(manifests: list[Manifest], service: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service's settings as they would be in its container."""
    for name, value in environment(manifests, programs(manifests)[service]).items():
        monkeypatch.setenv(name, value)
    return SETTINGS[service].load()


@every_choice
def test_every_variable_means_something_to_its_service(overlay: str, chosen: tuple[str, ...]) -> None:
    manifests = render(overlay, chosen)
    for service, container in programs(manifests).items():
        assert set(environment(manifests, container)) <= known_variables(service)


@every_choice
def test_every_value_is_taken(overlay: str, chosen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for service in programs(render(overlay, chosen)):
        assert isinstance(settings_of(render(overlay, chosen), service, monkeypatch), ServiceSettings)


def test_a_wrong_value_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMIRA_TRITON_SLOTS", "many")
    with pytest.raises(Exception, match="AMIRA_TRITON_SLOTS"):
        SETTINGS["triton"].load()


@every_choice
def test_services_listen_on_their_usual_ports_and_on_the_pods_address(
    overlay: str, chosen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in SERVICES:
        settings = settings_of(render(overlay, chosen), service, monkeypatch)
        usual = SETTINGS[service].model_fields["listen"].default.rpartition(":")[2]
        assert settings.listen == f"0.0.0.0:{usual}"
        assert settings.metrics_address == f"0.0.0.0:{METRICS_PORTS[service]}"
        if service in WEB_PORTS:
            assert settings.web_listen == f"0.0.0.0:{WEB_PORTS[service]}"


@every_choice
def test_ports_of_containers_are_those_that_are_listened_on(
    overlay: str, chosen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = render(overlay, chosen)
    for service in SERVICES:
        settings = settings_of(manifests, service, monkeypatch)
        addresses = [settings.listen, settings.metrics_address, getattr(settings, "web_listen", "")]
        heard = {int(address.rpartition(":")[2]) for address in addresses if address}
        assert set(ports(programs(manifests)[service]).values()) == heard
    # Triton: what only its own pod may reach is no port of the container.
    triton = set(ports(programs(manifests)["triton"]).values())
    assert triton <= listening_ports("triton")
    assert 50082 in triton


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_triton_is_reachable_from_its_pod_alone(overlay: str) -> None:
    manifests = render(overlay)
    triton = programs(manifests)["triton"]
    told = environment(manifests, triton)
    grpc = told.get("AMIRA_TRITON_GRPC_ADDRESS") or _flag(triton, "--grpc-address") + ":50081"
    http = told.get("AMIRA_TRITON_HTTP_ADDRESS") or _flag(triton, "--http-address") + ":50080"
    assert grpc == SETTINGS["decoder"].model_fields["triton_target"].default
    assert http == "127.0.0.1:50080"


def _flag(container: Manifest, name: str) -> str:
    values = dict(flag.split("=") for flag in container["args"])
    return str(values[name])


@every_choice
def test_the_gateway_finds_the_others_by_their_headless_services(
    overlay: str, chosen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = render(overlay, chosen)
    settings = settings_of(manifests, "gateway", monkeypatch)
    for service, targets in (("frontend", settings.frontend_target), ("decoder", settings.decoder_target)):
        (place,) = parse_targets(targets)
        assert place.looked_up
        found = of_kind(manifests, "Service")[place.host]["spec"]
        assert found["clusterIP"] == "None"
        assert found["selector"] == {"app.kubernetes.io/name": f"amira-{service}"}
        assert place.port == ports(programs(manifests)[service])["grpc"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_with_tls_every_hop_between_pods_has_certificates_on_both_sides(
    overlay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = render(overlay, ("tls",))
    gateway = settings_of(manifests, "gateway", monkeypatch)
    certificates = {
        each["spec"]["secretName"]: each["spec"] for each in of_kind(manifests, "Certificate").values()
    }

    def certificate(service: str, path: str) -> Manifest:
        pod, container = pod_of(manifests, service), programs(manifests)[service]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        (mount,) = (each for each in container["volumeMounts"] if path.startswith(f"{each['mountPath']}/"))
        found: Manifest = certificates[volumes[mount["name"]]["secret"]["secretName"]]
        return found

    assert "server auth" in certificate("gateway", gateway.tls_cert)["usages"]
    assert "client auth" in certificate("gateway", gateway.tls_client_cert)["usages"]
    for service in ("frontend", "decoder"):
        settings = settings_of(manifests, service, monkeypatch)
        shown = certificate(service, settings.tls_cert)
        (place,) = parse_targets(getattr(gateway, f"{service}_target"))
        assert place.host in shown["dnsNames"]
        # Its health check shows the same certificate.
        assert {"server auth", "client auth"} <= set(shown["usages"])
        assert settings.tls_client_ca
        assert (
            certificate(service, settings.tls_client_ca)["issuerRef"]
            == certificate("gateway", gateway.tls_client_cert)["issuerRef"]
        )
        assert certificate("gateway", gateway.tls_ca)["issuerRef"] == shown["issuerRef"]
