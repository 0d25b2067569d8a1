"""The rule files, read for what tests hold them to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from amira_core.metrics.metric import Kind, Metric
from amira_core.metrics.schema import SCHEMA
from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "prometheus"

_STRING = re.compile(r'"[^"]*"')
_NAME = re.compile(r"\b(?:amira[\w:]*|nv_\w+)")
_SELECTOR = re.compile(r"(\b[a-z_:][\w:]*)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')

TRITON_OWN = {
    "nv_inference_request_success",
    "nv_inference_request_duration_us",
    "nv_inference_queue_duration_us",
    "nv_inference_exec_count",
    "nv_gpu_utilization",
    "nv_gpu_memory_used_bytes",
}
"""Those of Triton's own that are used anywhere; a test asks a real Triton for them."""


def rules(path: Path) -> list[dict[str, Any]]:
    """The rules of one file."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def exported() -> dict[str, Metric]:
    """Name of a sample -> the metric that it is of."""
    names: dict[str, Metric] = {}
    for metric in {metric.name: metric for metrics in SCHEMA.values() for metric in metrics}.values():
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names |= {metric.series + suffix: metric for suffix in suffixes}
    return names


def names_in(expression: str) -> set[str]:
    """Metrics and recorded series that an expression asks for."""
    return set(_NAME.findall(_STRING.sub('""', expression)))


def check_expression(expression: str, recorded: set[str]) -> None:
    """Every name is exported or recorded; labels exist, and known values are spelt as they are."""
    known = exported()
    for name in names_in(expression):
        assert name in known or name in recorded or name in TRITON_OWN, (name, expression)
    for name, labels in _SELECTOR.findall(expression):
        metric = known.get(name)
        if metric is None:
            continue
        for label, value in _LABEL.findall(labels):
            if label in ("job", "instance") or value.startswith("$"):
                continue
            if label == "le":
                assert float(value) in (*metric.buckets, float("inf")), (name, value)
                continue
            assert label in metric.labels, (name, label)
            values = metric.values.get(label)
            if values is not None:
                assert set(value.split("|")) <= set(values), (name, value)
