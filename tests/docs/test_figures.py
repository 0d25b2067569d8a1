"""The figures that pages name are those of the raw data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scripts import generate_figures
from scripts.generate_figures import figures, with_table, word_error_rates
from tests.docs.pages import ROOT, pages, prose

CLAIMS: dict[str, str] = {
    r"carr(?:y|ies|ied) (\d+) streams as (?:separate )?services": "services",
    r"(\d+) streams as services": "services",
    r"(\d+ or more) in one process": "node",
    r"sherpa-onnx's C\+\+ server(?: carries| carried|:)? (\d+)": "sherpa",
    r"(\d\.\d\d) times (?:sherpa-onnx's|its) streams as services": "services over sherpa",
    r"(\d\.\d\d) times (?:sherpa-onnx's|its) streams in one process": "node over sherpa",
    r"LibriSpeech test-other (\d+\.\d % \([\d.]+ to [\d.]+\))": "librispeech-test-other",
    r"Common Voice (\d+\.\d % \([\d.]+ to [\d.]+\))": "commonvoice-en",
    r"stream-hour costs (\d\.\d{3}) USD": "stream-hour",
    r"[Aa] word is shown (\d+) ms after its end": "word shown",
    r"p99 of those let in (\d+) ms": "over p99",
    r"Amira has (\d+) ms at": "services p99",
    r"sherpa-onnx (\d+) ms at": "sherpa p99",
    r"[Ww]ith 97 streams Amira has (\d+) ms": "services p99 at 97",
    r"and the peer (\d+)": "sherpa p99 at 97",
    r"(\d+ of \d+) transcripts of the peer": "sherpa same",
    r"Amira's were (\d+ of \d+)": "services same",
}
"""How pages put figures, and which figure it is."""


OF_OTHER_RUNS = {"docs/PERFORMANCE.md"}
"""A log: each entry has the figures of its own day."""


def claims() -> list[tuple[str, str, str]]:
    """Page, what it says, what is measured."""
    known = figures()
    found = []
    for page in pages():
        name = str(page.relative_to(ROOT))
        text = "" if name in OF_OTHER_RUNS else " ".join(prose(page).split())
        found += [
            (name, said, known[figure])
            for pattern, figure in CLAIMS.items()
            for said in re.findall(pattern, text)
        ]
    return found


def test_pages_name_what_was_measured() -> None:
    found = claims()
    assert [claim for claim in found if claim[1] != claim[2]] == []
    launch = {page for page, _, _ in found if page.startswith("docs/launch/")}
    assert "README.md" in {page for page, _, _ in found}
    assert len(launch) >= 3


@pytest.mark.parametrize("pattern", CLAIMS)
def test_each_way_to_put_a_figure_is_used(pattern: str) -> None:
    assert any(re.search(pattern, " ".join(prose(page).split())) for page in pages()), pattern


def test_the_readmes_table_is_current(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_table(text) == text
    results = json.loads(generate_figures.BENCH.read_text(encoding="utf-8"))
    results["systems"]["amira_beam"]["one_stream"]["server_latency_ms"]["p50"] += 1
    changed = tmp_path / "bench.json"
    changed.write_text(json.dumps(results))
    monkeypatch.setattr(generate_figures, "BENCH", changed)
    assert with_table(text) != text


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
