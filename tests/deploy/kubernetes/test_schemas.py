"""Every combination of overlay and components renders, and the API server would take it."""

from __future__ import annotations

import copy
import os
from itertools import combinations
from typing import Any

import pytest

from tests.deploy.kubernetes import rendering, schemas
from tests.deploy.kubernetes.rendering import CHOICES, COMPONENTS, EVERYTHING, OVERLAYS, Manifest, render

NEWEST = "1.37"


def wrong(manifests: list[Manifest], version: str = schemas.OLDEST) -> list[str]:
    """One line for each manifest that is not as its schema says."""
    found = ((each, schemas.problems(each, version)) for each in manifests)
    return [f"{each['kind']} {each['metadata']['name']}: {problem}" for each, problem in found if problem]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("chosen", CHOICES, ids=lambda chosen: "+".join(chosen) or "alone")
def test_is_what_the_api_takes(overlay: str, chosen: tuple[str, ...]) -> None:
    assert wrong(render(overlay, chosen)) == []


PAIRS = list(combinations(COMPONENTS, 2))
ALL_BUT_ONE = list(combinations(COMPONENTS, len(COMPONENTS) - 1))
EVERY_CHOICE = [names for count in range(len(COMPONENTS) + 1) for names in combinations(COMPONENTS, count)]


@pytest.mark.slow
def test_components_with_each_other() -> None:
    """With each other one, and without each one: every choice takes minutes (AMIRA_TEST_EVERY_CHOICE=1)."""
    every_one = os.environ.get("AMIRA_TEST_EVERY_CHOICE") == "1"
    for names in EVERY_CHOICE if every_one else PAIRS + ALL_BUT_ONE:
        assert wrong(render("prod-cpu", rendering.components(*names))) == [], names


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_newest_kubernetes_takes_it_too(overlay: str) -> None:
    assert wrong(render(overlay, EVERYTHING), NEWEST) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_order_of_components_does_not_matter(overlay: str) -> None:
    forward, backward = (
        {(each["kind"], each["metadata"]["name"]): in_one_order(each) for each in render(overlay, chosen)}
        for chosen in (EVERYTHING, EVERYTHING[::-1])
    )
    assert forward == backward


def in_one_order(value: Any) -> Any:
    """The same with lists of named things, such as volumes, sorted: their order means nothing."""
    if isinstance(value, dict):
        return {key: in_one_order(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((in_one_order(inner) for inner in value), key=str)
    return value


@pytest.mark.parametrize("kind", ["Deployment", "NetworkPolicy", "HorizontalPodAutoscaler", "Service"])
@pytest.mark.parametrize("field", ["unknown", "wrong type"])
def test_what_the_api_would_refuse_is_found(kind: str, field: str) -> None:
    manifest = copy.deepcopy(next(iter(rendering.of_kind(render("prod-cpu"), kind).values())))
    if field == "unknown":
        manifest["spec"]["replicaz"] = 1
    else:
        first = next(iter(manifest["spec"]))
        manifest["spec"][first] = 7 if isinstance(manifest["spec"][first], (dict, list, str)) else "seven"
    assert wrong([manifest]) != []
