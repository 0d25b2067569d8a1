"""Whether manifests of cert-manager, KEDA, the Prometheus Operator and the Gateway API fit their types.

npm's `@kubernetes-models/*` have those types, made from the definitions that these projects publish. A
manifest is written as a constant of its type, and the TypeScript compiler names fields that are unknown,
missing or of another type. There are no types of Envoy Gateway's two kinds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deploy.kubernetes.rendering import Manifest

GROUPS = {
    "cert-manager.io": "cert-manager",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
}
"""Group -> the package that knows it."""
UNKNOWN_GROUP = "gateway.envoyproxy.io"

_PACKAGES = Path(__file__).parent / "types" / "package.json"
_FOLDER = ROOT / "build" / "kubernetes-types"
_OPTIONS = (
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--moduleResolution",
    "nodenext",
)


def group_of(manifest: Manifest) -> str:
    """``keda.sh`` of ``keda.sh/v1alpha1``; empty for the core group."""
    return str(manifest["apiVersion"].rpartition("/")[0])


def problems(manifests: Sequence[Manifest], folder: Path) -> list[str]:
    """What the compiler says; `folder` is to write to. Skips where npm or its packages cannot be had."""
    node, packages = _installed()
    source = folder / "manifests.ts"
    source.write_text("".join(_constant(number, each) for number, each in enumerate(manifests)))
    (folder / "node_modules").symlink_to(packages, target_is_directory=True)
    compiler = packages / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node, str(compiler), *_OPTIONS, source.name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert bool(lines) == bool(done.returncode), done
    return lines


def _constant(number: int, manifest: Manifest) -> str:
    kind, version = manifest["kind"], manifest["apiVersion"]
    module = f"@kubernetes-models/{GROUPS[group_of(manifest)]}/{version}/{kind}"
    return (
        f'import type {{ I{kind} as Kind{number} }} from "{module}";\n'
        f"export const manifest{number}: Kind{number} = {json.dumps(manifest)};\n"
    )


def _installed() -> tuple[str, Path]:
    """node, and the packages' folder."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed: the kinds that are not Kubernetes' own cannot be checked")
    if problem := _install(npm):
        pytest.skip(f"npm cannot install the types of these kinds: {problem}")
    return node, _FOLDER / "node_modules"


@cache
def _install(npm: str) -> str:
    """Why the packages cannot be had; empty when they can."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    ours = _FOLDER / "package.json"
    if (_FOLDER / "node_modules").is_dir() and ours.read_text() == _PACKAGES.read_text():
        return ""
    shutil.copy(_PACKAGES, ours)
    # --force: they ask for a newer node, for what runs; here only their types are read.
    install = [npm, "install", "--force", "--no-audit", "--no-fund", "--ignore-scripts"]
    hurry = ["--fetch-retries=1", "--fetch-timeout=30000"]  # a registry that cannot be reached
    try:
        done = subprocess.run(
            [*install, *hurry], cwd=_FOLDER, capture_output=True, text=True, check=False, timeout=200
        )
    except subprocess.TimeoutExpired as error:
        problem = str(error)
    else:
        problem = done.stderr[-300:] if done.returncode else ""
    if problem:
        shutil.rmtree(_FOLDER)
    return problem
