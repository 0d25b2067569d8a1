"""Whether manifests are what the cluster's API takes: every field known, of its type, and none missing.

Kubernetes' own kinds are held against the JSON schemas in `kubernetes-validate`; all others against the types
that their projects publish (custom_kinds.py).
"""

from __future__ import annotations

import json
from functools import cache

import kubernetes_validate  # type: ignore[import-untyped]  # it publishes no types

from tests.deploy.kubernetes.rendering import Manifest

OLDEST = "1.30"
"""The oldest Kubernetes that the manifests are for: the first that sleeps before a stop unasked."""

CUSTOM = (
    "cert-manager.io/",
    "gateway.envoyproxy.io/",
    "gateway.networking.k8s.io/",
    "keda.sh/",
    "monitoring.coreos.com/",
)
"""Groups of kinds that are not Kubernetes' own."""


def problems(manifest: Manifest, version: str = OLDEST) -> str:
    """What is wrong with a manifest of Kubernetes' own kinds; empty when nothing is."""
    if manifest["apiVersion"].startswith(CUSTOM):
        return ""
    return _problems(json.dumps(manifest, sort_keys=True), version)


@cache
def _problems(text: str, version: str) -> str:
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    return ""
