"""Figures from what streams were told, checked on levels that are written down by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.load import measures
from benchmarks.load.level import Level, Stream
from benchmarks.load.measures import Heard
from benchmarks.load.schedule import Turn
from benchmarks.machine import Load
from benchmarks.recordings import Recording

RECORDINGS = [Recording(Path("a.flac"), "he was not ill", 2.0, "test")]
Readings = Sequence[tuple[float, str, float | None, float | None, Sequence[tuple[str, float]]]]


def stream(
    readings: Readings = (), outcome: str = "complete", begin_s: float = 10.0, **more: object
) -> Stream:
    values: dict[str, object] = {
        "turn": Turn(begin_s, 0, 0), "outcome": outcome, "reason": "", "ended_s": begin_s + 2.2, "sent": 20,
        "messages": 20, "late_s": [0.001, 0.002], "readings": readings,
    }  # fmt: skip
    return Stream(**{**values, **more})  # type: ignore[arg-type]


def level(*streams: Stream) -> Level:
    load = Load(
        10.0,
        {"gateway": 0.1, "server": 0.3, "load client": 0.05, "driver": 0.01, "idle systems": 0.0}, 0.0, 0.0,
        {"gateway": 50.0, "server": 100.0, "load client": 40.0, "driver": 30.0, "idle systems": 0.0},
    )  # fmt: skip
    return Level(2, 9.0, 19.0, 20.0, streams, load, {"encoder_ticks": 10.0, "encoder_rows": 25.0})


def at(
    arrival_s: float, text: str, needed_s: float, server_ms: float | None = None
) -> tuple[float, str, float, float | None, tuple[()]]:
    return (arrival_s, text, needed_s, server_ms, ())


def test_latency_counts_from_when_the_message_with_the_last_sample_was_due() -> None:
    one = stream([at(10.75, "he", 0.667), at(11.4, "he was", 1.3)])
    # 0.667 s of audio are complete with the seventh message, due 0.7 s after the beginning.
    assert measures.partial_latencies_ms(level(one)) == pytest.approx([50, 100])


def test_results_without_news_do_not_count() -> None:
    one = stream([at(10.75, "he", 0.667), at(11.9, "he", 0.987), at(11.4, "he was", 1.3)])
    assert measures.partial_latencies_ms(level(one)) == pytest.approx([50, 100])


def test_results_from_the_end_of_a_stream_are_finals_not_partials() -> None:
    one = stream([at(10.75, "he", 0.667), at(12.1, "he was", 2.3)])
    assert measures.partial_latencies_ms(level(one)) == pytest.approx([50])
    assert measures.final_latencies_ms(level(one)) == pytest.approx([200])


def test_what_was_due_outside_the_measured_time_is_left_out() -> None:
    early = stream([at(5.8, "he", 0.667)], begin_s=5.0)
    assert measures.partial_latencies_ms(level(early)) == []
    assert measures.final_latencies_ms(level(early)) == []


def test_what_never_came_counts_with_the_time_waited() -> None:
    """Otherwise a server that stops answering would look fast: coordinated omission by another name."""
    silent = stream([at(10.75, "he", 0.667)], outcome="unfinished", ended_s=None, messages=100)
    heard = {0: Heard("he was not ill", [(0.667, "he"), (1.3, "he was"), (1.61, "he was not")])}
    # due at 11.3 and 11.7; dropped at 20
    assert measures.partial_latencies_ms(level(silent), heard) == pytest.approx([50, 8700, 8300])
    assert measures.partial_latencies_ms(level(silent)) == pytest.approx([50])


def test_an_unfinished_stream_whose_end_was_due_counts_as_a_late_final() -> None:
    late = stream([], outcome="unfinished", ended_s=None)
    assert measures.final_latencies_ms(level(late)) == pytest.approx([8000])


def test_refused_streams_are_not_carried_and_have_no_latency() -> None:
    refused = stream([], outcome="refused", ended_s=10.01)
    served = stream([at(10.75, "he", 0.667)])
    found = measures.figures(level(refused, served), RECORDINGS, {0: Heard("he", [])}, {})
    assert found["streams"] == {"complete": 1, "unfinished": 0, "refused": 1, "failed": 0}
    assert found["carried"] == pytest.approx(0.2)
    assert found["partial_latency_ms"]["count"] == 1


def test_words_count_as_shown_when_they_stay_with_all_before_them() -> None:
    one = stream(
        [
            at(10.5, "he saw", 0.3),
            at(10.9, "he was", 0.7),
            at(11.3, "he was knot", 1.0),
            at(12.0, "he was not", 1.9),
        ]
    )
    ends = {0: [("he", 0.2), ("was", 0.5), ("not", 1.1)]}
    assert measures.emission_delays_ms(level(one), ends) == pytest.approx([300, 400, 900])


def test_words_that_were_heard_otherwise_have_no_delay() -> None:
    one = stream([at(10.9, "she was", 0.7)])
    assert measures.emission_delays_ms(level(one), {0: [("he", 0.2), ("was", 0.5)]}) == pytest.approx([400])


def test_words_are_compared_with_the_text_and_with_the_unloaded_run() -> None:
    same, other = stream([at(11, "he was not ill", 1.0)]), stream([at(11, "he was ill", 1.0)])
    found = measures.figures(level(same, other), RECORDINGS, {0: Heard("he was not ill", [])}, {})["words"]
    assert found["as_unloaded"] == 1
    assert found["transcripts"] == 2
    assert found["error_rate"] == pytest.approx(12.5)
    assert found["error_rate_unloaded"] == 0


def test_cost_is_the_servers_alone() -> None:
    found = measures.figures(level(stream([at(11, "he", 1.0)])), RECORDINGS, {0: Heard("he", [])}, {})
    assert found["carried"] == pytest.approx(0.2)
    assert found["cpu_s_per_stream_s"] == {"gateway": pytest.approx(0.5), "server": pytest.approx(1.5)}
    assert found["server_cores"] == pytest.approx(0.4)
    assert found["mean_batch"] == pytest.approx(2.5)
    assert set(found["memory_mib"]) == {"gateway", "server"}


def test_nothing_measured_is_no_latency_of_zero() -> None:
    assert measures.percentiles([]) == {"count": 0, "p50": None, "p90": None, "p99": None, "max": None}
    found = measures.percentiles([float(value) for value in range(101)])
    assert (found["p50"], found["p90"], found["p99"], found["max"]) == (50, 90, 99, 100)


def test_latencies_have_intervals_over_streams_and_words_over_recordings() -> None:
    streams = [
        stream([at(10.75 + 0.01 * number, "he", 0.667), at(11.4, "he was", 1.3)], turn=Turn(10.0, number, 0))
        for number in range(10)
    ]
    recordings = [Recording(Path(f"{number}.flac"), "he was not", 2.0, "test") for number in range(10)]
    found = measures.figures(level(*streams), recordings, {0: Heard("he was", [])}, {})
    low, high = found["partial_latency_ms"]["interval_95"]["p99"]
    assert low <= found["partial_latency_ms"]["p99"] <= high
    assert set(found["partial_latency_ms"]["interval_95"]) == set(measures.WITH_INTERVAL)
    assert found["words"]["error_rate_interval_95"] == pytest.approx([33.33, 33.33])
    assert found["server_latency_ms"]["interval_95"] is None
    assert "interval_95" not in found["client_lateness_ms"]


def test_one_recording_again_and_again_is_one_witness_of_the_words() -> None:
    many = level(*[stream([at(11, "he was", 1.0)]) for _ in range(30)])
    found = measures.figures(many, RECORDINGS, {0: Heard("he was", [])}, {})["words"]
    assert found["error_rate"] == 50
    assert found["error_rate_interval_95"] is None
