"""The figures that pages name are those of the raw data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scripts import generate_figures
from scripts.generate_claims import CLAIMS, current, places, with_figures
from scripts.generate_figures import figures, with_table, word_error_rates
from tests.docs.pages import ROOT, pages, prose

STATEMENTS: dict[str, Callable[[Mapping[str, str]], bool]] = {
    r"Below its limit, sherpa-onnx's server is faster": lambda known: (
        int(known["sherpa p99 at common level"]) < int(known["services p99 at common level"])
    ),
    r"latency inside the budget|p99 at capacity is worse than the peer's": lambda known: (
        int(known["sherpa p99"]) < int(known["services p99"]) <= 500
    ),
    r"after its end \(p50, a lone stream\); wanted were 350": lambda known: int(known["word shown"]) > 350,
    r"because we refuse such graphs in batches": lambda known: (
        len(set(known["services same"].split(" of "))) == 1 < len(set(known["sherpa same"].split(" of ")))
    ),
}
"""What sentences conclude from figures, and when it is true; where it is not, write another sentence."""


def test_pages_name_what_was_measured() -> None:
    assert [str(page) for page, text in current().items() if page.read_text(encoding="utf-8") != text] == []
    naming = {page.name for page in current() if any(places(page.read_text(encoding="utf-8")))}
    assert naming >= {"README.md", "ANNOUNCEMENTS.md", "BLOG.md", "QUESTIONS.md", "TALKS.md"}


@pytest.mark.parametrize("figure", sorted(set(CLAIMS.values())))
def test_each_figure_that_is_looked_for_is_named(figure: str) -> None:
    named = {name for page in current() for name, _, _ in places(page.read_text(encoding="utf-8"))}
    assert figure in named


def test_other_figures_would_be_written() -> None:
    text = "On 2 cores it carried 163\nstreams as services, and 191 or more in\none process."
    known = figures() | {"services": "170", "node": "200", "node way": "two processes"}
    wanted = text.replace("163", "170").replace("191 or more in\none process", "200 in\ntwo processes")
    assert with_figures(text, known) == wanted


def test_what_is_concluded_from_figures_follows() -> None:
    known = figures()
    said = {page: " ".join(prose(page).split()) for page in pages()}
    for statement, follows in STATEMENTS.items():
        where = [page.name for page, text in said.items() if re.search(statement, text)]
        assert where, statement
        assert follows(known), (statement, where)


def test_the_readmes_table_is_current(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_table(text) == text
    results = json.loads(generate_figures.BENCH.read_text(encoding="utf-8"))
    results["systems"]["amira_beam"]["one_stream"]["server_latency_ms"]["p50"] += 1
    changed = tmp_path / "bench.json"
    changed.write_text(json.dumps(results))
    monkeypatch.setattr(generate_figures, "BENCH", changed)
    assert with_table(text) != text


def test_two_processes_are_named_where_a_run_has_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = json.loads(generate_figures.BENCH.read_text(encoding="utf-8"))
    systems = results["systems"]
    node = systems.pop("amira_node_greedy", None) or systems.pop("amira_nodes_greedy")
    systems["amira_nodes_greedy"] = {**node, "capacity": 321.0, "complete": True}
    changed = tmp_path / "bench.json"
    changed.write_text(json.dumps(results))
    monkeypatch.setattr(generate_figures, "BENCH", changed)
    text = "163 streams as services, 191 or more in one process, and 1.29 times its streams in one process"
    written = with_figures(text, figures())
    assert ", 321 in two processes, and " in written
    assert written.endswith(" times its streams in two processes")
    assert "321 in two processes; sherpa-onnx's" in with_table(
        (ROOT / "README.md").read_text(encoding="utf-8")
    )


def test_the_models_card_says_what_was_evaluated() -> None:
    card = (ROOT / "models" / "starter-en" / "README.md").read_text(encoding="utf-8")
    rows = dict(
        re.findall(r"^\| ([\w-]+) +\| 320 \+ 260 \|[^|]+\|[^|]+\| (\S+ \(\S+ to \S+\))", card, re.MULTILINE)
    )
    measured = figures()
    for each in word_error_rates():
        if each["source"] in rows:
            assert measured[each["source"]].replace(" %", "") == rows[each["source"]], each["source"]
    assert len(rows) >= 6


def test_the_benchmarks_page_has_the_figures_of_its_raw_data() -> None:
    page = (ROOT / "docs" / "BENCHMARKS.md").read_text(encoding="utf-8")
    table = (ROOT / "benchmarks" / "results" / "bench.md").read_text(encoding="utf-8")
    capacity = [row for row in table.splitlines() if row.startswith("| Amira, greedy |")]
    assert capacity
    assert all(row in page for row in capacity)
    for name in ("services", "node", "sherpa"):
        assert f"| {figures()[name]} |" in page, name
