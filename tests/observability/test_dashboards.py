"""Dashboards: as generated, of metrics that exist, each expression one that a real Prometheus computes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from scripts.dashboards.build import Dashboard
from scripts.dashboards.pages import DASHBOARDS
from tests.conftest import ROOT
from tests.observability.rules import FOLDER, check_expression, rules
from tests.support.prometheus import Prometheus

RECORDED = {rule["record"] for rule in rules(FOLDER / "recording.yml")}


def test_the_files_are_as_generated() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_observability.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = {path.stem for path in (ROOT / "deploy" / "grafana").glob("*.json")}
    assert files == set(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_metric_exists(name: str) -> None:
    expressions = DASHBOARDS[name].expressions()
    assert len(expressions) > 10
    for expression in expressions:
        check_expression(expression, RECORDED)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap_and_none_is_empty(name: str) -> None:
    page = json.loads((ROOT / "deploy" / "grafana" / f"{name}.json").read_text())
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in page["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["type"] == "row" or panel["targets"]


def computable(dashboard: Dashboard) -> list[str]:
    """The expressions with Grafana's variables filled in."""
    return [
        expression.replace("$__rate_interval", "30s").replace("$instance", ".*")
        for expression in dashboard.expressions()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", DASHBOARDS)
def test_prometheus_computes_every_expression(prometheus: Prometheus, name: str) -> None:
    empty = [expression for expression in computable(DASHBOARDS[name]) if not prometheus.query(expression)]
    # Nobody has a tenant here; everything else shows something.
    assert [expression for expression in empty if "tenant" not in expression] == []
