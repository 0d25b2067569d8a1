"""Compose files: what Docker says of them, and what must hold of every service in them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.compose.files import FILES, FOLDER, loaded, services, variables
from tests.deploy.variables import METRICS_PORTS, SETTINGS, known_variables, listening_ports

OWN = list(SETTINGS)
LAYERS = [[], *([name] for name in FILES[1:]), FILES[1:]]


def config(layers: list[str]) -> dict[str, Any]:
    """The files put together by Docker itself."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    files = [argument for name in ("compose.yaml", *layers) for argument in ("-f", str(FOLDER / name))]
    command = [docker, "compose", *files, "--profile", "*", "config"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not set" not in done.stderr, "a variable without a value"
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("layers", LAYERS, ids=lambda layers: "+".join(["core", *layers]))
def test_docker_takes_every_combination(layers: list[str]) -> None:
    together = config(layers)["services"]
    for name in layers:
        assert set(services(name)) <= set(together)
    assert set(OWN) <= set(together)
    for name, service in together.items():
        assert_hardened(name, service)


def assert_hardened(name: str, service: dict[str, Any]) -> None:
    assert service["read_only"] is True, name
    assert service["cap_drop"] == ["ALL"], name
    assert service["security_opt"] == ["no-new-privileges:true"], name
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"]), name  # noqa: S108 - in a container
    limits = service["deploy"]["resources"]["limits"]
    assert limits["memory"], name
    assert limits["pids"], name
    assert "privileged" not in service
    assert "network_mode" not in service


def everyone() -> Iterator[tuple[str, dict[str, Any]]]:
    """Services that a file adds, rather than changes."""
    for file in FILES:
        for name, service in services(file).items():
            if file == "compose.yaml" or name not in services("compose.yaml"):
                yield name, service


def test_every_service_is_hardened() -> None:
    assert len(dict(everyone())) >= 8
    for name, service in everyone():
        assert_hardened(name, service)


def test_versions_are_in_one_file() -> None:
    text = "".join((FOLDER / name).read_text() for name in FILES)
    used = set(re.findall(r"\$\{(\w+)\}", text))
    assert used | {"COMPOSE_FILE"} == set(variables())
    images = re.findall(r"^ +image: (.+)$", text, re.MULTILINE)
    assert len(images) > 8
    assert all(image.startswith("${") for image in images)
    for name in (value for name, value in variables().items() if name.endswith("_IMAGE")):
        assert re.search(r":v?\d+\.\d+", name), f"{name}: a tag that names a release"


@pytest.mark.parametrize("name", OWN)
def test_a_service_can_read_its_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in FILES[:3]:
        environment = services(file).get(name, {}).get("environment", {})
        assert set(environment) <= known_variables(name), file
    for variable, value in services("compose.yaml")[name]["environment"].items():
        assert isinstance(value, str), f"{variable}: a number loses its zeros in YAML"
        monkeypatch.setenv(variable, value)
    assert SETTINGS[name].load()


@pytest.mark.parametrize("name", OWN)
def test_ports_are_the_defaults(name: str) -> None:
    environment = services("compose.yaml")[name]["environment"]
    listens = {
        int(value.rpartition(":")[2]) for value in environment.values() if value.startswith("0.0.0.0:")
    }
    assert listens == listening_ports(name)
    targets = {value for variable, value in environment.items() if variable.endswith("_TARGET")}
    for target in targets:
        host, _, port = target.removeprefix("dns:///").rpartition(":")
        assert int(port) in listening_ports(host)


def test_only_the_gateway_can_be_reached_and_only_from_here() -> None:
    published = {
        name: service["ports"] for name, service in services("compose.yaml").items() if "ports" in service
    }
    assert published == {"gateway": ["127.0.0.1:50051:50051", "127.0.0.1:50053:50053"]}
    for _, service in everyone():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    core = loaded("compose.yaml")
    assert core["networks"]["inside"] == {"internal": True}
    outside = {name for name, each in core["services"].items() if "outside" in each["networks"]}
    assert outside == {"gateway"}


def test_behind_envoy_the_gateways_are_out_of_reach() -> None:
    together = config(["envoy.yaml"])["services"]
    assert not together["gateway"].get("ports")
    assert set(together["gateway"]["networks"]) == {"inside"}
    (port,) = together["envoy"]["ports"]
    listener = yaml.safe_load((FOLDER / "../envoy/envoy.yaml").read_text())["static_resources"]["listeners"][
        0
    ]
    assert port["target"] == listener["address"]["socket_address"]["port_value"]
    assert port["host_ip"] == "127.0.0.1"


def test_there_is_time_to_drain() -> None:
    for name, service in services("compose.yaml").items():
        settings = SETTINGS[name]()
        own = f"AMIRA_{name.upper()}_DRAIN_TIMEOUT_S"
        drain_s = float(service["environment"].get(own, getattr(settings, "drain_timeout_s", 0)))
        stop_s = float(getattr(settings, "stop_timeout_s", 2))
        grace_s = float(service["stop_grace_period"].removesuffix("s"))
        assert grace_s >= drain_s + stop_s + 5, name


def test_everyone_is_asked_and_waited_for() -> None:
    core = services("compose.yaml")
    for name, service in core.items():
        assert service["healthcheck"]["test"] == ["CMD", "amira-health", name]
        for needed, how in service.get("depends_on", {}).items():
            assert needed in core
            assert how == {"condition": "service_healthy"}
    assert set(core["gateway"]["depends_on"]) == {"frontend", "decoder"}
    assert set(core["decoder"]["depends_on"]) == {"triton"}


def test_images_are_built_from_files_that_exist() -> None:
    for file in FILES:
        for name, service in services(file).items():
            if "build" in service and "dockerfile" in service["build"]:
                assert (FOLDER / "../.." / service["build"]["dockerfile"]).is_file(), name


def test_what_is_mounted_exists() -> None:
    volumes = {name for file in FILES for name in (loaded(file).get("volumes") or {})}
    for name, service in everyone():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            given = source == variables()["AMIRA_TLS_FOLDER"]  # by whoever has a certificate
            assert given or source in volumes or (FOLDER / source).exists(), (name, source)


def test_prometheus_finds_what_the_rules_speak_of() -> None:
    ours = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    elsewhere = yaml.safe_load((FOLDER / "../prometheus/prometheus.yml").read_text())
    jobs = {each["job_name"]: each for each in ours["scrape_configs"]}
    assert list(jobs) == [each["job_name"] for each in elsewhere["scrape_configs"]]
    assert ours["rule_files"] == elsewhere["rule_files"]
    for name, port in METRICS_PORTS.items():
        (discovery,) = jobs[f"amira-{name}"]["dns_sd_configs"]
        assert (discovery["names"], discovery["port"]) == ([name], port)
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    checked = subprocess.run(
        [promtool, "check", "config", "--syntax-only", str(FOLDER / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
