"""`make bench-reports`: all that follows from a run is written from its raw data alone."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import typer

from benchmarks.capacity import measured
from benchmarks.capacity.answers import fleet_figures
from benchmarks.report import __main__ as command
from benchmarks.report import capacity_section, document
from benchmarks.report.marks import replace_between

FILES = ["bench-cpu.svg", "bench-latency.svg", "bench.json", "bench.md", "cost.json", "fleet.json"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the run that is kept one system, with another capacity; few streams are simulated, to be quick."""
    folder = tmp_path / "results"
    folder.mkdir()
    bench = json.loads(measured.BENCH.read_text())
    bench["systems"] = {"amira_greedy": bench["systems"]["amira_greedy"] | {"capacity": 40.0}}
    (folder / "bench.json").write_text(json.dumps(bench))
    shutil.copyfile(document.DOCUMENT, tmp_path / "BENCHMARKS.md")
    monkeypatch.setattr(command, "fleet_figures", partial(fleet_figures, streams=[400, 600], cell=300))
    return folder


def test_everything_follows_from_the_raw_data(results: Path) -> None:
    page = results.parent / "BENCHMARKS.md"
    command.main(results, page)
    assert sorted(path.name for path in results.iterdir()) == FILES
    cost, fleet = (json.loads((results / name).read_text()) for name in ("cost.json", "fleet.json"))
    assert cost["streams_per_core"] == 20
    assert fleet["streams_per_pod"] == 40
    text = page.read_text()
    assert "40 streams on 2 cores as separate services, 20 a core." in text
    assert "| 600 (2 cells) | a zone of three lost | " in text
    assert f"{60 * min(one['usd_per_minute'] for one in cost['machines']):.3f} USD on a cloud machine" in text
    assert (results / "bench.md").read_text().strip() in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSONDecodeError"),
        (json.dumps({"systems": {}}), "no capacity of amira_greedy"),
        (
            json.dumps(
                {
                    "systems": {"amira_greedy": {"capacity": 0.0}},
                    "machine": {"cpus": 2},
                    "date": "2026-01-01 00:00 UTC",
                }
            ),
            "carried no stream",
        ),
    ],
)
def test_a_run_that_says_nothing_of_capacity_changes_nothing(content: str, said: str, results: Path) -> None:
    (results / "bench.json").write_text(content)
    page = results.parent / "BENCHMARKS.md"
    before = page.read_text()
    with pytest.raises(typer.BadParameter, match=said):
        command.main(results, page)
    assert page.read_text() == before
    assert [path.name for path in results.iterdir()] == ["bench.json"]


def test_without_a_run_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="run `make bench`"):
        measured.read_measured(tmp_path / "bench.json")


def test_the_page_has_the_answers_that_are_kept() -> None:
    kept = measured.BENCH.parent
    cost, fleet = (json.loads((kept / name).read_text()) for name in ("cost.json", "fleet.json"))
    text = document.DOCUMENT.read_text()
    assert capacity_section.markdown(measured.read_measured(), cost, fleet) in text


def test_the_page_has_a_place_for_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    shutil.copyfile(document.DOCUMENT, page)
    replace_between(page, capacity_section.BEGIN, capacity_section.END, "other")
    assert "\nother\n" in page.read_text()
