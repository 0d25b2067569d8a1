"""Manifests of kinds that are not Kubernetes' own, against the types that their projects publish."""

from __future__ import annotations

import copy
from pathlib import Path

import yaml

from tests.deploy.kubernetes import custom_kinds
from tests.deploy.kubernetes.custom_kinds import GROUPS, UNKNOWN_GROUP, group_of
from tests.deploy.kubernetes.rendering import EVERYTHING, KUBERNETES, Manifest, of_kind, render
from tests.deploy.kubernetes.schemas import CUSTOM


def custom(manifests: list[Manifest]) -> list[Manifest]:
    """Those that have a type."""
    return [each for each in manifests if group_of(each) in GROUPS]


def test_every_field_is_known_and_of_its_type(tmp_path: Path) -> None:
    manifests = custom(render("prod-cpu", EVERYTHING))
    classes = KUBERNETES / "components" / "gateway-api" / "gateway-class.yaml"
    manifests += yaml.safe_load_all(classes.read_text())
    assert {group_of(each) for each in manifests} == set(GROUPS)
    assert custom_kinds.problems(manifests, tmp_path) == []


def test_no_other_group_goes_unchecked() -> None:
    known = {group.rstrip("/") for group in CUSTOM}
    assert known == {*GROUPS, UNKNOWN_GROUP}


def test_what_the_api_would_refuse_is_found(tmp_path: Path) -> None:
    kinds = ["ScaledObject", "Certificate", "PodMonitor", "GRPCRoute", "BackendTLSPolicy"]
    rendered = render("prod-cpu", EVERYTHING)
    manifests = [copy.deepcopy(next(iter(of_kind(rendered, kind).values()))) for kind in kinds]
    for manifest in manifests:
        manifest["spec"]["replicaz"] = 1
    found = custom_kinds.problems(manifests, tmp_path)
    for number, kind in enumerate(kinds):  # each is one line, below the line of its import
        line = f"manifests.ts({2 * number + 2},"
        assert any(each.startswith(line) and "replicaz" in each for each in found), kind
