"""Writes the rules of deploy/prometheus as the Prometheus Operator takes them.

With --check, only says whether they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.generated import write_or_check  # noqa: E402 - found by the path that was just set

RULES = ROOT / "deploy" / "prometheus"
FILES = ("recording.yml", "alerts.yml")
MANIFEST = ROOT / "deploy" / "kubernetes" / "components" / "monitoring" / "rules.yaml"

_HEAD = "# Made from deploy/prometheus by scripts/generate_prometheus_rules.py: change those, not this.\n"


def manifest() -> str:
    """The whole file."""
    groups: list[Any] = []
    for name in FILES:
        groups += yaml.safe_load((RULES / name).read_text())["groups"]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "amira", "labels": {"app.kubernetes.io/part-of": "amira"}},
        "spec": {"groups": groups},
    }
    return _HEAD + yaml.safe_dump(rule, sort_keys=False, width=120)


def main() -> int:
    """Returns 1 when --check finds the file stale."""
    return write_or_check(MANIFEST, manifest())


if __name__ == "__main__":
    sys.exit(main())
