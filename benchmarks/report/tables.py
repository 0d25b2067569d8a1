"""Results of a run as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.load.ramp import within_budget
from benchmarks.peers import CPP, DEFAULT, LIKE_FOR_LIKE, NODES

_WANTED_RATIO = 2.0
_RELAYS = ("gateway", "frontend")


def markdown(results: Mapping[str, Any]) -> str:
    """All tables of a run."""
    parts = [
        heading(results),
        _section("Capacity", capacity_table(results)),
        _section("Targets", targets_table(results)),
        _section("Levels", levels_table(results)),
        _section("CPU by process", cpu_table(results)),
        _section("The peer's settings", tried_table(results)),
        skipped(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(results: Mapping[str, Any]) -> str:
    """When, where, on what; and a warning where others used the machine."""
    machine, speech, busy = results["machine"], results["speech"], results["busy"]
    text = (
        f"{results['date']}, {machine['cpus']} CPUs of {machine['cpu']}, {machine['memory_gib']} GiB; "
        f"model {results['model']}, chunks of {results['chunk_ms']} ms; {speech['recordings']} recordings "
        f"({speech['seconds']:.0f} s, {', '.join(speech['sources'])}); {results['minutes']} minutes; "
        f"commit {results['commit'] or 'unknown'}; `{results['command']}`."
    )
    if busy["with_other_load"]:
        text += (
            "\n\n**The machine was not idle**: others used it in "
            f"{busy['with_other_load']} of {busy['levels']} levels, up to {busy['most_other_cores']} cores."
        )
    return text


def ratio(results: Mapping[str, Any], name: str = LIKE_FOR_LIKE) -> float | None:
    """Capacity of Amira's greedy search over that of the C++ peer; None where one is missing."""
    systems = results["systems"]
    ours = systems.get(name, {}).get("capacity")
    theirs = systems.get(CPP, {}).get("capacity")
    return ours / theirs if ours and theirs else None


def capacity_table(results: Mapping[str, Any]) -> str:
    """Streams that each system carries within the budget, with the ratio to the peer."""
    systems = results["systems"]
    theirs = systems.get(CPP, {}).get("capacity")
    budget = f"p99 of partial latency at most {results['budget_ms']:g} ms"
    rows = []
    for system in systems.values():
        if "capacity" not in system:
            continue
        best = _best_level(system, results["budget_ms"])
        words = (best or system["unloaded"])["words"]
        capacity = f"{system['capacity']:.0f}" + ("" if system["complete"] else " or more")
        if best is None:
            capacity = (
                f"below {min(level['offered'] for level in system['levels'])}" if system["levels"] else "-"
            )
        rows.append(
            [
                system["title"],
                capacity,
                f"{system['capacity'] / theirs:.2f}" if theirs else "-",
                *(
                    _with_interval(best[key], quantile) if best else "-"
                    for key, quantile in _CAPACITY_LATENCIES
                ),
                f"{1000 * best['server_cores'] / best['carried']:.1f}" if best else "-",
                f"{best['memory_mib_per_stream']:.1f}" if best else "-",
                _error_rates(words),
                _error_rate(system["unloaded"]["words"]),
                f"{words['as_unloaded']} of {words['transcripts']}",
            ]
        )
    head = [
        f"streams within budget ({budget})", "over sherpa-onnx C++", "partial p50", "p99", "final p50", "p99",
        "CPU ms per stream-second", "MiB per stream", "WER % there; of the same, unloaded",
        "WER % of all recordings, unloaded", "transcripts as unloaded",
    ]  # fmt: skip
    note = f"\n\n{_INTERVALS}" if any(" to " in cell for row in rows for cell in row[1:]) else ""
    return table(["system", *head], rows) + note


_INTERVALS = (
    "In brackets: 95 % intervals by bootstrap, latencies over streams, word error rates over recordings. "
    "They hold what varies within the run, not from run to run."
)
_CAPACITY_LATENCIES = (
    ("partial_latency_ms", "p50"),
    ("partial_latency_ms", "p99"),
    ("final_latency_ms", "p50"),
    ("final_latency_ms", "p99"),
)


def targets_table(results: Mapping[str, Any]) -> str:
    """What is wanted of Amira, and what was reached."""
    like = results["systems"].get(LIKE_FOR_LIKE, {})
    default = results["systems"].get(DEFAULT, like)  # a quick run has greedy search alone
    rows = []
    for name, way in ((LIKE_FOR_LIKE, "separate services"), (NODES, "two processes")):
        found = ratio(results, name)
        rows.append(
            _target(
                f"streams in budget, greedy, {way}, over sherpa-onnx C++", f"at least {_WANTED_RATIO:g}",
                found, "", found is not None and found >= _WANTED_RATIO,
            )
        )  # fmt: skip
    for system in (default, results["systems"].get(NODES)):
        rows.extend(_latency_targets(system) if system else ())
    best = _best_level(default, results["budget_ms"]) if default else None
    share = _relay_share(best) if best else None
    rows.append(
        _target(
            "gateway and frontend, share of CPU at capacity", "at most 25 %",
            None if share is None else 100 * share, " %", share is not None and share <= 0.25,
        )
    )  # fmt: skip
    growth = _cost_growth(like, results["budget_ms"])
    rows.append(
        _target(
            "CPU per stream-second at capacity over that of the first level, greedy", "at most 1",
            growth, "", growth is not None and growth <= 1,
        )
    )  # fmt: skip
    return table(["target", "wanted", "measured", "reached"], rows)


def _latency_targets(system: Mapping[str, Any]) -> list[list[str]]:
    one, normal = system.get("one_stream"), system.get("normal_load")
    rows = []
    for name, level, kind, quantile, most in (
        ("one stream, server latency p50", one, "server_latency_ms", "p50", 6),
        ("one stream, server latency p99", one, "server_latency_ms", "p99", 15),
        ("one stream, word shown after its end, p50", one, "word_emission_delay_ms", "p50", 350),
        ("three quarters of capacity, partial latency p99", normal, "partial_latency_ms", "p99", 100),
    ):
        value = level[kind][quantile] if level else None
        reached = value is not None and value <= most
        row = _target(f"{system['title']}: {name}", f"at most {most} ms", value, " ms", reached)
        if level:
            row[2] += _interval((level[kind].get("interval_95") or {}).get(quantile), 1)
        rows.append(row)
    return rows


def _target(name: str, wanted: str, value: float | None, unit: str, reached: bool) -> list[str]:
    if value is None:
        return [name, wanted, "not measured", "-"]
    return [
        name,
        wanted,
        f"{value:.2f}{unit}" if value < 10 else f"{value:.0f}{unit}",
        "yes" if reached else "no",
    ]


def _relay_share(level: Mapping[str, Any]) -> float:
    cost = {name: value or 0.0 for name, value in level["cpu_s_per_stream_s"].items()}
    return sum(cost.get(name, 0.0) for name in _RELAYS) / (sum(cost.values()) or 1.0)


def _cost_growth(system: Mapping[str, Any], budget_ms: float) -> float | None:
    best = _best_level(system, budget_ms) if system else None
    first = system["levels"][0] if best else None
    if not best or not first or best is first or not first["carried"]:
        return None
    at_first = first["server_cores"] / first["carried"]
    return float(best["server_cores"] / best["carried"] / at_first) if at_first else None


def _best_level(system: Mapping[str, Any], budget_ms: float) -> Mapping[str, Any] | None:
    kept = [level for level in system.get("levels", ()) if within_budget(level, budget_ms)]
    return max(kept, key=lambda level: float(level["carried"]), default=None)


def levels_table(results: Mapping[str, Any]) -> str:
    """Every level of every system."""
    rows = []
    for system in results["systems"].values():
        singles = [system[name] for name in ("one_stream", "normal_load") if system.get(name)]
        for level in sorted([*singles, *system.get("levels", ())], key=lambda one: float(one["offered"])):
            counts, words = level["streams"], level["words"]
            rows.append(
                [
                    system["title"],
                    f"{level['offered']}",
                    f"{level['carried']:g}",
                    f"{counts['refused']} / {counts['failed']}",
                    _quantiles(level["partial_latency_ms"]),
                    _quantiles(level["final_latency_ms"]),
                    _quantiles(level["server_latency_ms"]),
                    _quantiles(level["word_emission_delay_ms"]),
                    f"{level['server_cores']:.2f}",
                    "-" if level["mean_batch"] is None else f"{level['mean_batch']:g}",
                    _error_rates(words),
                    f"{level['load']['cores']['load client']:.2f}",
                    f"{level['client_lateness_ms']['p99']:g}"
                    if level["client_lateness_ms"]["count"]
                    else "-",
                ]
            )
    head = [
        "system", "offered", "carried", "refused / failed", "partial p50 / p90 / p99", "final",
        "server's own", "word shown after its end", "cores", "mean batch", "WER %; unloaded", "client cores",
        "client late p99",
    ]  # fmt: skip
    return table(head, rows) + "\n\nLatencies in ms." if rows else ""


def cpu_table(results: Mapping[str, Any]) -> str:
    """CPU per stream-second by process of Amira's searches, at the highest level within the budget.

    In nodes the shares of gateway, frontend and decoder cannot be told apart.
    """
    rows = []
    for name, system in results["systems"].items():
        best = _best_level(system, results["budget_ms"])
        if not name.startswith("amira") or best is None:
            continue
        cost = {process: 1000 * (value or 0.0) for process, value in best["cpu_s_per_stream_s"].items()}
        total = sum(cost.values()) or 1.0
        for process, value in sorted(cost.items(), key=lambda pair: -pair[1]):
            rows.append(
                [
                    f"{system['title']}, {best['offered']} streams",
                    process,
                    f"{value:.2f}",
                    f"{100 * value / total:.0f} %",
                ]
            )
    return table(["system", "process", "CPU ms per stream-second", "share"], rows)


def tried_table(results: Mapping[str, Any]) -> str:
    """What was tried to make the peer fast."""
    rows = [
        [
            one["title"],
            str(one["offered"]),
            "-" if one["partial_p99_ms"] is None else f"{one['partial_p99_ms']:.0f}",
            f"{one['server_cores']:.2f}",
        ]
        for one in results["peer_settings_tried"]
    ]
    return table(["settings", "streams", "partial p99, ms", "cores"], rows)


def skipped(results: Mapping[str, Any]) -> str:
    """What was not measured, and why."""
    return "\n".join(f"- not measured: {name} ({why})" for name, why in results["skipped"].items())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; nothing without rows."""
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _section(title: str, text: str) -> str:
    return f"### {title}\n\n{text}" if text else ""


def _quantiles(values: Mapping[str, Any]) -> str:
    if not values["count"]:
        return "-"
    return " / ".join([f"{values[name]:.0f}" for name in ("p50", "p90")] + [_with_interval(values, "p99")])


def _with_interval(values: Mapping[str, Any], quantile: str) -> str:
    """A latency in ms, with its interval where the results have one."""
    if values[quantile] is None:
        return "-"
    return f"{values[quantile]:.0f}{_interval((values.get('interval_95') or {}).get(quantile), 0)}"


def _interval(bounds: Sequence[float] | None, decimals: int) -> str:
    return "" if bounds is None else f" ({bounds[0]:.{decimals}f} to {bounds[1]:.{decimals}f})"


def _error_rates(words: Mapping[str, Any]) -> str:
    return f"{_error_rate(words)}; {_percent(words['error_rate_unloaded'])}"


def _error_rate(words: Mapping[str, Any]) -> str:
    return f"{_percent(words['error_rate'])}{_interval(words.get('error_rate_interval_95'), 1)}"


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f}"
