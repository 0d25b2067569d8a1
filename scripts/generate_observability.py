"""Writes deploy/grafana/*.json and docs/METRICS.md. With --check, only says whether they are current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from amira_core.metrics.buckets import CHUNK_S  # noqa: E402 - as the next ones
from amira_core.metrics.metric import Kind, Metric  # noqa: E402 - as the next ones
from amira_core.metrics.schema import (  # noqa: E402 - as the next one
    Common,
    Decoder,
    Frontend,
    Gateway,
    Triton,
    declared_in,
)
from scripts.dashboards.pages import DASHBOARDS  # noqa: E402 - found by the path that was just set

_GROUPS = {
    "Every service": Common,
    "Gateway": Gateway,
    "Frontend": Frontend,
    "Decoder": Decoder,
    "Triton supervisor": Triton,
}
_MANY = 8

_INTRODUCTION = f"""# Metrics

Made from `libs/amira_core/metrics/schema.py` by `make docs`: change that, not this page. How to scrape
them: [OBSERVABILITY.md](OBSERVABILITY.md).

Counters are exported with `_total`, histograms with `_bucket`, `_sum` and `_count`. Histograms of
chunks have bounds from {CHUNK_S[0] * 1000:g} ms to {CHUNK_S[-1]:g} s, among them 0.32 s (a chunk, the
frame budget), its halves and its doubles. `pace` is `ahead` for streams that come faster than people
speak, as files do; nobody waits for their words. No label holds what was said. Triton's own metrics
(`nv_*`) are at `AMIRA_TRITON_METRICS_ADDRESS`.
"""


def metrics_page() -> str:
    """docs/METRICS.md."""
    parts = [_INTRODUCTION]
    for title, group in _GROUPS.items():
        rows = [_row(metric) for metric in declared_in(group)]
        parts += [f"## {title}", "", "| metric | type | labels | |", "|---|---|---|---|", *rows, ""]
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    name = f"{metric.name}_total" if metric.kind is Kind.COUNTER else metric.name
    labels = ", ".join(_label(label, metric.values.get(label, ())) for label in metric.labels)
    optional = f" None while: {metric.optional}." if metric.optional else ""
    return f"| `{name}` | {metric.kind.value} | {labels} | {metric.help}{optional} |"


def _label(name: str, values: tuple[str, ...]) -> str:
    if not values or len(values) > _MANY:
        return f"`{name}`"
    return f"`{name}` ({', '.join(values)})"


def files() -> dict[Path, str]:
    """Each file and what it should hold."""
    dashboards = {
        ROOT / "deploy" / "grafana" / f"{name}.json": json.dumps(
            dashboard.to_json(), indent=1, sort_keys=True
        )
        + "\n"
        for name, dashboard in DASHBOARDS.items()
    }
    return {**dashboards, ROOT / "docs" / "METRICS.md": metrics_page()}


def main() -> int:
    """Returns 1 when --check finds a stale file."""
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `make docs`\n")
        return int(bool(stale))
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
