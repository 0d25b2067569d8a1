"""Declarations that Prometheus' own rules for names and units allow, and that belong together."""

from __future__ import annotations

import importlib
import re
from itertools import pairwise

import pytest

from amira_core.metrics.buckets import CHUNK_S, ENCODER_FRAME_S, FRAME_BUDGET_S
from amira_core.metrics.metric import Kind, Metric
from amira_core.metrics.registry import REGISTRY, BoundedLabel
from amira_core.metrics.schema import OTHER, SCHEMA, Common, Decoder, Frontend, Gateway, Triton, declared_in

ALL = [metric for group in (Common, Gateway, Frontend, Decoder, Triton) for metric in declared_in(group)]
UNITS = {"seconds", "bytes", "ratio", ""}


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_each_is_well_formed(metric: Metric) -> None:
    assert re.fullmatch(r"amira_[a-z0-9_]+", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_created"))
    assert metric.unit in UNITS
    assert metric.name.endswith(metric.unit)
    assert metric.help.endswith(".")
    assert set(metric.values) <= set(metric.labels)
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_no_name_is_used_twice_and_groups_say_whose_they_are() -> None:
    assert len({metric.name for metric in ALL}) == len(ALL)
    for service, group in {
        "gateway": Gateway,
        "frontend": Frontend,
        "decoder": Decoder,
        "triton": Triton,
    }.items():
        assert all(metric.name.startswith(f"amira_{service}_") for metric in declared_in(group))
        assert SCHEMA[service] == declared_in(Common) + declared_in(group)


def test_chunk_bounds_are_those_of_the_frame_budget() -> None:
    for factor in (1 / 4, 1 / 2, 1, 2, 4):
        assert round(FRAME_BUDGET_S * factor, 6) in CHUNK_S
    assert ENCODER_FRAME_S in CHUNK_S
    assert all(1.3 < later / earlier < 1.51 for earlier, later in pairwise(CHUNK_S))


def test_labels_from_outside_are_bounded() -> None:
    label = BoundedLabel(2)
    assert [label(value) for value in ("a", "b", "c", "a", "d")] == ["a", "b", OTHER, "a", OTHER]


def test_instruments_are_made_of_declarations_alone() -> None:
    for service in SCHEMA:
        importlib.import_module(f"amira_{service}.metrics")  # registers its own
    declared = {metric.name: metric for metric in ALL}
    for family in REGISTRY.collect():
        metric = declared[family.name]
        assert (family.type, family.unit, family.documentation) == (
            metric.kind.value,
            metric.unit,
            metric.help,
        )
