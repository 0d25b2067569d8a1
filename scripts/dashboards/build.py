"""Rows and panels, and the JSON that Grafana reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Query:
    """An expression and what its series are called; `{{label}}` stands for a label's value."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: what it shows.
        queries: of one unit.
        unit: Grafana's name of it: `s`, `bytes`, `percentunit`, `short`.
        kind: `timeseries` or `stat`.
        width: of 24.
        help: what to look for.
        limit: where it turns red; None: nowhere.
        stacked: whether the series are parts of a whole.
    """

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    help: str = ""
    limit: float | None = None
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels side by side under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Variable:
    """A choice at the top: the values that a label has."""

    name: str
    label: str
    query: str


@dataclass(frozen=True)
class Dashboard:
    """One page."""

    uid: str
    title: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = field(default_factory=tuple)

    def expressions(self) -> list[str]:
        """Every expression on it."""
        return [query.expression for row in self.rows for panel in row.panels for query in panel.queries]

    def to_json(self) -> dict[str, Any]:
        """As Grafana imports it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["amira"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "graphTooltip": 1,
            "templating": {"list": [_datasource(), *map(_variable, self.variables)]},
            "annotations": {"list": []},
            "links": [{"title": "Amira", "type": "dashboards", "tags": ["amira"], "asDropdown": True}],
            "panels": _placed(self.rows),
        }


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        heading = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        panels.append({**heading, "id": len(panels) + 1, "gridPos": {"x": 0, "y": y, "w": _WIDTH, "h": 1}})
        y, x, height = y + 1, 0, 0
        for panel in row.panels:
            tall = 4 if panel.kind == "stat" else 8
            if x + panel.width > _WIDTH:
                y, x, height = y + height, 0, 0
            place = {"x": x, "y": y, "w": panel.width, "h": tall}
            panels.append({**_panel(panel), "id": len(panels) + 1, "gridPos": place})
            x, height = x + panel.width, max(height, tall)
        y += height
    return panels


def _panel(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    custom: dict[str, Any] = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    if panel.limit is not None:
        custom["thresholdsStyle"] = {"mode": "line"}
    if panel.stacked:
        custom |= {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 40}
    made: dict[str, Any] = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "targets": [_target(index, query, panel) for index, query in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": custom if panel.kind == "timeseries" else {},
            },
            "overrides": [],
        },
    }
    if panel.kind == "timeseries":
        made["options"] = {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    else:
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value"}
    return made


def _target(index: int, query: Query, panel: Panel) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + index),
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "datasource": _SOURCE,
        "exemplar": "_bucket" in query.expression and panel.kind == "timeseries",
        "instant": panel.kind == "stat",
        "range": panel.kind != "stat",
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": variable.query, "refId": "variable"},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
