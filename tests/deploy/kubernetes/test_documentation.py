"""docs/DEPLOYMENT.md, section Kubernetes: what can be run here is run, and its figures are the manifests'."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.deploy.kubernetes import custom_kinds, schemas
from tests.deploy.kubernetes.rendering import (
    COMPONENTS,
    EVERYTHING,
    KUBERNETES,
    OVERLAYS,
    SERVICES,
    Manifest,
    containers,
    environment,
    of_kind,
    pod_of,
    render,
    render_folder,
)
from tests.deploy.kubernetes.test_network import CALLS, PROMETHEUS

PAGE = (ROOT / "docs" / "DEPLOYMENT.md").read_text()
SECTION = PAGE.partition("\n## Kubernetes\n")[2].partition("\n## ")[0]
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
"""(language, text) of each block."""
SHELL = "\n".join(text for language, text in BLOCKS if not language)
COMMANDS = [line for line in SHELL.splitlines() if re.match(r"(kubectl|kind|docker|for|\.venv/bin)", line)]


def rows(header: str) -> list[list[str]]:
    """The rows of the table whose header begins so."""
    table = SECTION.partition(f"| {header}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


@pytest.fixture
def production(tmp_path: Path) -> Path:
    """The folder of one's own that the page shows, beside a checkout."""
    (example,) = (text for language, text in BLOCKS if language == "yaml")
    file = tmp_path / example.splitlines()[0].removeprefix("# ")
    file.parent.mkdir()
    file.write_text(example)
    (tmp_path / "amira").symlink_to(ROOT, target_is_directory=True)
    return file.parent


def test_the_example_renders_and_is_what_the_api_takes(production: Path) -> None:
    manifests = render_folder(production)
    assert [schemas.problems(each) for each in manifests if schemas.problems(each)] == []
    groups = {custom_kinds.group_of(each) for each in manifests}
    assert groups >= set(custom_kinds.GROUPS)
    images = {
        each["image"].rpartition("/")[0]
        for service in SERVICES
        for each in containers(pod_of(manifests, service)).values()
    }
    assert images == {"registry.example.com"}
    gateway = containers(pod_of(manifests, "gateway"))["gateway"]
    assert environment(manifests, gateway)["AMIRA_GATEWAY_TENANT_MAX_STREAMS"] == "20"
    certificate: Any = of_kind(manifests, "Certificate")["amira-gateway"]
    assert "speech.example.com" in certificate["spec"]["dnsNames"]


def test_the_example_has_every_component(production: Path) -> None:
    named = re.findall(r"components/([\w-]+)", (production / "kustomization.yaml").read_text())
    assert sorted(named) == sorted(EVERYTHING)


def test_every_component_is_on_the_page() -> None:
    assert sorted(row[0].strip("`") for row in rows("component | what it adds")) == sorted(EVERYTHING)
    folders = {path.name for path in (KUBERNETES / "components").iterdir()}
    assert folders == {*COMPONENTS, "gateway-api-tls"}
    assert {path.name for path in (KUBERNETES / "overlays").iterdir()} == set(OVERLAYS)


def test_commands_name_what_is_there() -> None:
    names = {each["metadata"]["name"] for overlay in OVERLAYS for each in render(overlay, EVERYTHING)}
    for command in COMMANDS:
        for path in re.findall(r"deploy/\S+\.yaml|deploy/kubernetes/\S+", command):
            assert (ROOT / path).exists(), command
        for name in re.findall(r" (?:service|deployment)/([\w-]+)", command):
            assert name in names, command
    built = re.search(r"for service in (.*?); do", SHELL)
    assert built
    for service in built[1].split():
        assert (ROOT / "deploy" / "images" / service / "Dockerfile").is_file()
        assert f"amira-{service}:0.1.0" in SHELL


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("kubectl kustomize deploy")])
def test_rendering_commands_run(command: str) -> None:
    assert render_folder(ROOT / shlex.split(command)[2])


def test_the_key_command_runs(tmp_path: Path) -> None:
    (command,) = (line for line in COMMANDS if line.startswith(".venv/bin/amira keys"))
    arguments = shlex.split(command)[1:]
    subprocess.run(
        [sys.executable, "-m", "amira_local", *arguments], cwd=tmp_path, check=True, capture_output=True
    )
    (volume,) = (
        volume for volume in pod_of(render("dev", ("api-keys",)), "gateway")["volumes"] if "secret" in volume
    )
    (secret,) = (line for line in COMMANDS if "create secret generic" in line)
    assert f"generic {volume['secret']['secretName']} --from-file=keys.json" in secret
    gateway = containers(pod_of(render("dev", ("api-keys",)), "gateway"))["gateway"]
    told = environment(render("dev", ("api-keys",)), gateway)
    assert Path(told["AMIRA_GATEWAY_API_KEYS_FILE"]).name == "keys.json"
    assert (tmp_path / "keys.json").is_file()


def test_the_autoscaling_command_is_there() -> None:
    (command,) = (line for line in COMMANDS if "benchmarks.autoscaling" in line)
    arguments = [sys.executable, *shlex.split(command)[1:], "--help"]
    done = subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "--faster" in done.stdout


def test_drain_times_are_the_manifests() -> None:
    manifests = render("prod-cpu")
    for service, sleep, drain, _, triton, grace in rows("service | sleep"):
        pod = pod_of(manifests, service)
        told = environment(manifests, containers(pod)[service])
        assert grace == f"{pod['terminationGracePeriodSeconds']} s"
        assert drain == f"{told[f'AMIRA_{service.upper()}_DRAIN_TIMEOUT_S']} s"
        assert sleep == f"{containers(pod)[service]['lifecycle']['preStop']['sleep']['seconds']} s"
        if triton:
            of_triton = environment(manifests, containers(pod)["triton"])
            stop_s = int(of_triton["AMIRA_TRITON_STOP_TIMEOUT_S"]) + 3
            assert triton == f"{of_triton['AMIRA_TRITON_DRAIN_TIMEOUT_S']} + {stop_s} s"


def test_ports_are_the_manifests() -> None:
    listed = {row[0]: {int(port) for port in re.findall(r"\d+", row[2])} for row in rows("from | to | port")}
    assert listed["Prometheus in `monitoring`"] == {port for who, _, port in CALLS if who == PROMETHEUS}
    assert listed["anybody"] == {port for who, _, port in CALLS if who == "anybody"}
    behind = {port for who, to, port in CALLS if who == "amira-gateway" and to != "dns"}
    assert listed["gateway"] == behind


def test_bounds_are_the_autoscalers() -> None:
    scalers: dict[str, Manifest] = of_kind(render("prod-cpu"), "HorizontalPodAutoscaler")
    for service in SERVICES:
        spec = scalers[f"amira-{service}"]["spec"]
        assert f"amira-{service} ({spec['minReplicas']} to {spec['maxReplicas']})" in SECTION


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(((?:\.\./)?[\w./-]+)\)", SECTION):
        assert (ROOT / "docs" / link).exists(), link
