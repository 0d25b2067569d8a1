"""The manifests as `kubectl apply -k` would send them, and how to find one's way in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("dev", "prod-cpu", "prod-gpu")
COMPONENTS = ("api-keys", "gateway-api", "jaeger", "keda", "monitoring", "tls")
SERVICES = ("gateway", "frontend", "decoder")

Manifest = dict[str, Any]


def components(*names: str) -> tuple[str, ...]:
    """A choice of components, with the one that two of them need together."""
    both = {"gateway-api", "tls"} <= set(names)
    return tuple(sorted([*names, *(["gateway-api-tls"] if both else [])]))


EVERYTHING = components(*COMPONENTS)
CHOICES = [components(), *(components(name) for name in COMPONENTS), EVERYTHING]


@cache
def render(overlay: str, chosen: tuple[str, ...] = ()) -> list[Manifest]:
    """What an overlay and some components come to. Skips where there is neither kubectl nor kustomize."""
    with tempfile.TemporaryDirectory() as folder:
        to_kubernetes = os.path.relpath(KUBERNETES, Path(folder).resolve())
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "amira",
            "resources": [f"{to_kubernetes}/overlays/{overlay}"],
            "components": [f"{to_kubernetes}/components/{name}" for name in chosen],
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return render_folder(Path(folder))


def render_folder(folder: Path) -> list[Manifest]:
    """What a folder with a kustomization.yaml comes to."""
    done = subprocess.run([*_kustomize(), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Warnings are about fields that a later release takes away.
    assert not done.stderr, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def _kustomize() -> list[str]:
    if kustomize := shutil.which("kustomize"):
        return [kustomize, "build"]
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    pytest.skip("neither kustomize nor kubectl is installed: manifests cannot be rendered")


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> dict[str, Manifest]:
    """Those of some kinds, by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] in kinds}


def pod_of(manifests: Iterable[Manifest], service: str) -> Manifest:
    """The pod spec of a Deployment."""
    spec: Manifest = of_kind(manifests, "Deployment")[f"amira-{service}"]["spec"]["template"]["spec"]
    return spec


def pods(manifests: Iterable[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """(name of the Deployment, its pod template)."""
    for name, deployment in of_kind(manifests, "Deployment").items():
        yield name, deployment["spec"]["template"]


def containers(pod: Manifest) -> dict[str, Manifest]:
    """All containers of a pod spec, side-cars too."""
    return {each["name"]: each for each in [*pod.get("initContainers", []), *pod["containers"]]}


def environment(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    """The variables that a container is given."""
    maps = of_kind(manifests, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]["data"]
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value", "")
    return found


def ports(container: Manifest) -> dict[str, int]:
    """Name -> number."""
    return {port["name"]: port["containerPort"] for port in container.get("ports", [])}
