"""Writes the table of measured figures in README.md from their raw data.

With --check, only says whether it is current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.load.ramp import within_budget  # noqa: E402
from benchmarks.peers import CPP, DEFAULT, LIKE_FOR_LIKE, NODE, NODES  # noqa: E402 - by the path that was just set
from benchmarks.report.tables import ratio  # noqa: E402
from scripts.generated import with_part, write_or_check  # noqa: E402 - as above

README = ROOT / "README.md"
BENCH = ROOT / "benchmarks" / "results" / "bench.json"
OVERLOAD = ROOT / "benchmarks" / "results" / "overload.json"
COST = ROOT / "benchmarks" / "results" / "cost.json"
FLEET = ROOT / "benchmarks" / "results" / "fleet.json"
WORDS = ROOT / "evaluation" / "results"
BEGIN, END = "<!-- figures: written by `make docs`, do not edit -->\n", "<!-- end of figures -->"
SPOKEN = {
    "librispeech-test-other": "LibriSpeech test-other",
    "commonvoice-en": "Common Voice",
    "librivox-austen": "an audio book (Austen)",
}


def figures() -> dict[str, str]:
    """Every figure that pages name, as they name it."""
    bench, overload = _read(BENCH), _read(OVERLOAD)
    systems = bench["systems"]
    one = systems[DEFAULT]["one_stream"]
    nodes = NODES if NODES in systems else NODE
    common = _common_level(systems[LIKE_FOR_LIKE], systems[CPP], bench["budget_ms"])
    named = {
        "services": _capacity(systems[LIKE_FOR_LIKE]),
        "node": _capacity(systems[nodes]),
        "node way": "two processes" if nodes == NODES else "one process",
        "sherpa": _capacity(systems[CPP]),
        "services over sherpa": f"{ratio(bench, LIKE_FOR_LIKE):.2f}",
        "node over sherpa": f"{ratio(bench, nodes):.2f}",
        "services p99": _latency(systems[LIKE_FOR_LIKE]),
        "sherpa p99": _latency(systems[CPP]),
        "services same": _same_words(systems[LIKE_FOR_LIKE]),
        "sherpa same": _same_words(systems[CPP]),
        "common level": str(common),
        "services p99 at common level": _latency(systems[LIKE_FOR_LIKE], common),
        "sherpa p99 at common level": _latency(systems[CPP], common),
        "server p50": f"{one['server_latency_ms']['p50']:.1f}",
        "server p99": f"{one['server_latency_ms']['p99']:.1f}",
        "word shown": f"{one['word_emission_delay_ms']['p50']:.0f}",
        "within p99": f"{overload['within']['latency_ms']['p99']:.0f}",
        "over p99": f"{overload['over']['latency_ms']['p99']:.0f}",
        "refusal p99": f"{overload['over']['refusal_ms']['p99']:.0f}",
        "times over": f"{overload['factor']:g}",
        "stream-hour": f"{60 * min(each['usd_per_minute'] for each in _read(COST)['machines']):.3f}",
        "zone lost refused": f"{_refused_with_a_zone_lost():.1f}",
        "cores": str(bench["machine"]["cpus"]),
        "cpu": bench["machine"]["cpu"],
        "date": bench["date"].split()[0],
    }
    for each in word_error_rates():
        named[each["source"]] = f"{_wer(each['errors']):.1f} % ({each['low']:.1f} to {each['high']:.1f})"
    return named


@dataclass(frozen=True)
class Capacity:
    """What a system carried."""

    streams: str
    p99_ms: float
    over_peer: float


def capacities() -> dict[str, Capacity]:
    """By system: streams within the budget, p99 of partial latency with them, ratio to the C++ peer."""
    bench = _read(BENCH)
    return {
        name: Capacity(
            _capacity(system),
            _level(system, None)["partial_latency_ms"]["p99"],
            ratio(bench, name) or 0.0,
        )
        for name, system in bench["systems"].items()
        if system.get("capacity")
    }


def word_error_rates() -> list[dict[str, Any]]:
    """The bundled model's newest, per source, with the search that is used by default."""
    newest = max(WORDS.glob("*-starter-en.json"))
    run = _read(newest)["runs"][0]
    return [each for each in run["speech"] if each["search"] == run["model"]["methods"][0]]


def table() -> str:
    """The README's table."""
    known = figures()
    words = "; ".join(f"{name} {known[source]}" for source, name in SPOKEN.items())
    rows = [
        ("streams at once with p99 of partial latency within 500 ms, greedy search, on "
         f"{known['cores']} cores ({known['cpu']}, no GPU)",
         f"{known['services']} as services, {known['node']} in {known['node way']}; "
         f"sherpa-onnx's C++ server {known['sherpa']}", "make bench"),
        ("the same over sherpa-onnx's C++ server, same model and minutes (wanted: 2)",
         f"{known['services over sherpa']} and {known['node over sherpa']}", "make bench"),
        ("one stream: from the last audio of a chunk to its words leaving the server",
         f"p50 {known['server p50']} ms, p99 {known['server p99']} ms", "make bench"),
        ("one stream: from the end of a word to when it is shown, to stay (wanted: 350 ms)",
         f"p50 {known['word shown']} ms", "make bench"),
        (f"{known['times over']} times the streams that fit: p99 of those let in, within capacity and beyond",
         f"{known['within p99']} and {known['over p99']} ms; the others are refused, "
         f"p99 {known['refusal p99']} ms",
         "make bench-overload"),
        ("word error rate of the bundled model, default search, 95 % interval", words, "make eval"),
        ("a stream-hour on a cloud machine at list price, 60 % of its places in use",
         f"{known['stream-hour']} USD", "python -m benchmarks.capacity cost"),
    ]  # fmt: skip
    lines = [f"| {what} | {measured} | `{command}` |" for what, measured, command in rows]
    return "\n".join([f"| {known['date']} | measured | command |", "|---|---|---|", *lines, ""])


def _refused_with_a_zone_lost() -> float:
    """Per cent of new streams, in the smallest fleet."""
    answers = _read(FLEET)["answers"]
    lost = next(one for one in answers if one["plan"]["zone_lost_at_s"] is not None)
    return 100 * float(lost["refused"]) / float(lost["arrived"])


def _capacity(system: Mapping[str, Any]) -> str:
    return f"{system['capacity']:.0f}" + ("" if system["complete"] else " or more")


def _level(system: Mapping[str, Any], offered: int | None) -> Mapping[str, Any]:
    """The level with so many streams; None: the one that is the system's capacity."""
    key, wanted = ("carried", system["capacity"]) if offered is None else ("offered", offered)
    level: Mapping[str, Any] = next(each for each in system["levels"] if each[key] == wanted)
    return level


def _common_level(one: Mapping[str, Any], other: Mapping[str, Any], budget_ms: float) -> int:
    """The most streams that were offered to both and served by both within the budget."""
    offered = [
        {level["offered"] for level in system["levels"] if within_budget(level, budget_ms)}
        for system in (one, other)
    ]
    common: int = max(set.intersection(*offered))
    return common


def _latency(system: Mapping[str, Any], offered: int | None = None) -> str:
    return f"{_level(system, offered)['partial_latency_ms']['p99']:.0f}"


def _same_words(system: Mapping[str, Any]) -> str:
    words = _level(system, None)["words"]
    return f"{words['as_unloaded']} of {words['transcripts']}"


def _wer(errors: Mapping[str, int]) -> float:
    wrong = errors["substitutions"] + errors["deletions"] + errors["insertions"]
    return 100 * wrong / errors["words"]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def with_table(text: str) -> str:
    """The README with its table as the raw data have it. ValueError: it lacks a place for it."""
    return with_part(text, BEGIN, table(), END)


def main() -> int:
    """Returns 1 when --check finds the README stale."""
    return write_or_check(README, with_table(README.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
