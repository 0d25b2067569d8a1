"""Tables, plots and documents hold what results hold, also where half of it is missing."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from benchmarks import machine
from benchmarks.report import document, marks, plots, stage_tables, tables
from benchmarks.stages.__main__ import STAGES


def quantiles(p50: float | None, p99: float | None) -> dict[str, Any]:
    return {"count": 10 if p50 is not None else 0, "p50": p50, "p90": p99, "p99": p99, "max": p99}


def level(offered: int, p99: float, cores: float) -> dict[str, Any]:
    return {
        "offered": offered,
        "carried": float(offered),
        "streams": {"complete": 9, "unfinished": 1, "refused": 0, "failed": 0},
        "failures": [],
        "partial_latency_ms": quantiles(20.0, p99),
        "final_latency_ms": quantiles(40.0, p99 + 50),
        "server_latency_ms": quantiles(None, None),
        "word_emission_delay_ms": quantiles(None, None),
        "client_lateness_ms": quantiles(0.1, 3.0),
        "cpu_s_per_stream_s": {"gateway": 0.001, "frontend": 0.001, "decoder": cores / offered - 0.002},
        "server_cores": cores,
        "memory_mib": {"gateway": 50.0},
        "memory_mib_per_stream": 1.5,
        "mean_batch": None,
        "words": {
            "compared": 0, "transcripts": 0, "as_unloaded": 0, "error_rate": None, "error_rate_unloaded": None
        },
        "load": {"cores": {"load client": 0.05}},
    }  # fmt: skip


def system(title: str, capacity: float, *levels: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title, "settings": {}, "unloaded": level(8, 20.0, 0.1), "levels": list(levels),
        "capacity": capacity, "complete": True,
    }  # fmt: skip


RESULTS: dict[str, Any] = {
    "date": "2026-01-01 00:00 UTC",
    "minutes": 1.0,
    "command": "python -m benchmarks",
    "commit": "abc",
    "budget_ms": 500.0,
    "model": "m",
    "chunk_ms": 320,
    "machine": {"cpus": 2, "cpu": "C", "memory_gib": 4.0},
    "busy": {"levels": 4, "with_other_load": 0, "most_other_cores": 0.0},
    "speech": {"recordings": 1, "seconds": 10.0, "sources": ["bundled"]},
    "peer_settings_tried": [{"title": "int8", "offered": 64, "partial_p99_ms": None, "server_cores": 1.0}],
    "skipped": {"riva": "RIVA_TARGET not set"},
    "systems": {
        "amira_greedy": system("Amira, greedy", 100.0, level(50, 100.0, 0.5), level(100, 400.0, 0.9)),
        "sherpa_cpp": system("sherpa-onnx C++", 40.0, level(40, 300.0, 0.8), level(60, 900.0, 1.2)),
    },
}


def test_the_ratio_is_of_streams_within_the_budget() -> None:
    assert tables.ratio(RESULTS) == 2.5
    text = tables.markdown(RESULTS)
    assert "| Amira, greedy | 100 | 2.50 |" in text
    assert (
        "| streams in budget, greedy, separate services, over sherpa-onnx C++ | at least 2 | 2.50 | yes |"
        in text
    )
    assert "not measured: riva (RIVA_TARGET not set)" in text
    assert "not idle" not in text


def test_a_busy_machine_is_said_first() -> None:
    results = deepcopy(RESULTS)
    results["busy"] = {"levels": 4, "with_other_load": 3, "most_other_cores": 1.2}
    assert (
        "**The machine was not idle**: others used it in 3 of 4 levels, up to 1.2 cores."
        in tables.heading(results)
    )


def test_without_a_peer_there_is_no_ratio() -> None:
    results = deepcopy(RESULTS)
    del results["systems"]["sherpa_cpp"]
    assert tables.ratio(results) is None
    assert "not measured" in tables.targets_table(results)


def test_a_system_that_breaks_at_once_has_no_capacity() -> None:
    results = deepcopy(RESULTS)
    results["systems"]["amira_greedy"] = system("Amira, greedy", 0.0, level(48, 900.0, 1.0))
    assert tables.ratio(results) is None
    assert "| Amira, greedy | below 48 |" in tables.capacity_table(results)


def test_intervals_are_shown_where_the_results_have_them() -> None:
    assert "(" not in tables.capacity_table(RESULTS).splitlines()[2]  # as runs of before have it
    assert "bootstrap" not in tables.markdown(RESULTS)
    results = deepcopy(RESULTS)
    amira = results["systems"]["amira_greedy"]
    best = amira["levels"][1]
    best["partial_latency_ms"]["interval_95"] = {"p50": [18.2, 22.9], "p99": [350.4, 461.0]}
    best["final_latency_ms"]["interval_95"] = None
    best["words"] |= {
        "error_rate": 28.6,
        "error_rate_interval_95": [24.0, 33.25],
        "error_rate_unloaded": 28.4,
    }
    amira["one_stream"] = level(1, 9.0, 0.1)
    amira["one_stream"]["server_latency_ms"] = quantiles(5.5, 8.5) | {"interval_95": {"p50": [5.2, 5.9]}}
    text = tables.markdown(results)
    assert "| 100 | 2.50 | 20 (18 to 23) | 400 (350 to 461) | 40 | 450 |" in text
    assert "| 28.6 (24.0 to 33.2); 28.4 |" in text
    assert "| 20 / 400 / 400 (350 to 461) | 40 / 450 / 450 |" in text
    assert "| at most 6 ms | 5.50 ms (5.2 to 5.9) | yes |" in text
    assert "| at most 15 ms | 8.50 ms | yes |" in text
    assert "In brackets: 95 % intervals by bootstrap" in text


def test_results_that_are_kept_can_be_shown() -> None:
    for path in sorted((Path(tables.__file__).parents[1] / "results").glob("bench*.json")):
        assert "### Capacity" in tables.markdown(json.loads(path.read_text()))


def test_plots_are_small_and_the_same_for_the_same_figures(tmp_path: Path) -> None:
    first = plots.draw(RESULTS, tmp_path / "a", "bench")
    second = plots.draw(RESULTS, tmp_path / "b", "bench")
    assert [path.name for path in first] == ["bench-latency.svg", "bench-cpu.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(1000 < path.stat().st_size < 200_000 for path in first)


def test_plots_of_nothing_are_none(tmp_path: Path) -> None:
    assert plots.draw({**RESULTS, "systems": {}}, tmp_path, "bench") == []


def test_the_document_keeps_its_prose(tmp_path: Path) -> None:
    path = tmp_path / "BENCHMARKS.md"
    path.write_text(f"before\n{document.BEGIN}\nold figures\n{document.END}\nafter\n")
    drawn = plots.draw(RESULTS, tmp_path / "results", "bench")
    document.write(RESULTS, drawn, path)
    document.write(RESULTS, drawn, path)
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old figures" not in text
    assert text.count("### Capacity") == 1
    assert "![bench-latency](images/bench-latency.svg)" in text
    assert (tmp_path / "images" / "bench-cpu.svg").is_file()


@pytest.mark.parametrize("text", ["no marks", "<b>\n</b>\n<b>\n</b>"])
def test_a_document_without_its_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="exactly one pair"):
        marks.replace_between(path, "<b>", "</b>", "new")
    assert path.read_text() == text


def test_both_documents_have_their_marks() -> None:
    for path, begin, end in (
        (document.DOCUMENT, document.BEGIN, document.END),
        (stage_tables.DOCUMENT, stage_tables.BEGIN, stage_tables.END),
    ):
        text = path.read_text()
        assert text.count(begin) == text.count(end) == 1


def test_every_stage_has_a_table() -> None:
    assert set(stage_tables._STAGES) == set(STAGES)


def test_stage_results_that_are_kept_can_be_written() -> None:
    path = Path(stage_tables.__file__).parents[1] / "results" / "stages.json"
    if not path.is_file():
        pytest.skip("no stage has been measured yet")
    found = json.loads(path.read_text())
    text = stage_tables.markdown(found)
    assert text.count("\n### ") == len(found["stages"])


@pytest.mark.parametrize("niceness", [0, 5])
def test_a_machine_says_what_others_use(niceness: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether we run at low priority ourselves or not."""
    monkeypatch.setattr("os.nice", lambda _: niceness)

    def at(seconds: float, ours_s: float, others_s: float) -> machine.Moment:
        low_s = ours_s if niceness else 0.0
        group = {"a": machine.Usage(ours_s, 10.0)}
        return machine.Moment(seconds, group, 100 + ours_s + others_s, 40 + low_s)

    load = machine.between(at(0, 1, 0), at(10, 6, 10))
    assert load.cores == {"a": pytest.approx(0.5)}
    assert load.others + load.others_nice == pytest.approx(1.0)
    assert load.busy
    assert not machine.between(at(0, 1, 0), at(10, 6, 0)).busy
