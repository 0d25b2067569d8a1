"""From what streams were told to figures. Pure functions; times in seconds, latencies in milliseconds.

Latency counts from the moment at which audio was *due*: when the message that holds the last sample
that a result rests on should have been sent, whether or not the load client or the server was in time.
Only results with other words than the one before count, for every system alike: some say so when
nothing has changed, some do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from benchmarks.load import intervals
from benchmarks.load.level import Level, Stream
from benchmarks.recordings import Recording
from benchmarks.systems.base import MESSAGE_MS
from evaluation.normalise import words_of
from evaluation.word_errors import Errors, count_errors

_MESSAGE_S = MESSAGE_MS / 1000
QUANTILES = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
WITH_INTERVAL = {"p50": 50, "p99": 99}
"""Quantiles whose intervals are kept."""


@dataclass(frozen=True)
class Heard:
    """What a server makes of a recording when it has nothing else to do."""

    text: str
    changes: Sequence[tuple[float, str]]
    """(audio needed in s, words so far), wherever the words changed."""
    words: Sequence[tuple[str, float]] = ()
    """(word, end in s), where the server says so."""


def percentiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """Count and quantiles; None without values."""
    if not len(values):
        return {"count": 0, **dict.fromkeys(QUANTILES)}
    found = np.percentile(values, list(QUANTILES.values()))
    return {
        "count": len(values),
        **{name: round(float(value), 1) for name, value in zip(QUANTILES, found, strict=True)},
    }


def with_intervals(level: Level, measure: Callable[[Level], Sequence[float]]) -> dict[str, Any]:
    """Quantiles of a level with 95 % intervals, resampled by stream: its results depend on each other."""
    by_stream = [measure(replace(level, streams=[stream])) for stream in level.streams]
    found: dict[str, Any] = percentiles([value for values in by_stream for value in values])
    found["interval_95"] = intervals.of_quantiles(by_stream, WITH_INTERVAL)
    return found


def due_s(stream: Stream, needed_s: float) -> float:
    """When audio up to `needed_s` should have been sent."""
    messages = min(math.ceil(round(needed_s / _MESSAGE_S, 6)), stream.messages)
    return stream.turn.begin_s + messages * _MESSAGE_S


def changes(stream: Stream) -> list[tuple[float, float, str, float | None]]:
    """(arrival, audio needed, words, server's latency) of results with other words than the one before."""
    found, before = [], ""
    for at_s, text, needed_s, server_ms, _ in stream.readings:
        if text != before and needed_s is not None:
            found.append((at_s, needed_s, text, server_ms))
        before = text
    return found


def partial_latencies_ms(level: Level, reference: Mapping[int, Heard] | None = None) -> list[float]:
    """Latency of every result that was due in the measured time, before its stream's audio ended.

    With `reference`, results that the unloaded server gave and this one has not given by the end
    count with the time waited.
    """
    values = []
    for stream in level.streams:
        if stream.outcome == "refused":
            continue
        audio_s = stream.messages * _MESSAGE_S
        newest_s = -1.0
        for at_s, needed_s, _, _ in changes(stream):
            newest_s = max(newest_s, needed_s)
            due = due_s(stream, needed_s)
            if needed_s < audio_s and level.measure_from_s <= due <= level.measure_to_s:
                values.append(1000 * (at_s - due))
        heard = (reference or {}).get(stream.turn.recording)
        if heard is not None and stream.outcome == "unfinished":
            values += _still_waited_for(level, stream, newest_s, heard)
    return values


def _still_waited_for(level: Level, stream: Stream, newest_s: float, heard: Heard) -> Iterable[float]:
    """Time waited so far for each change that should have come."""
    missing = [needed_s for needed_s, _ in heard.changes if needed_s > newest_s]
    for needed_s in missing:
        due = due_s(stream, needed_s)
        if needed_s < stream.messages * _MESSAGE_S and level.measure_from_s <= due <= level.measure_to_s:
            yield 1000 * (level.drop_s - due)


def final_latencies_ms(level: Level) -> list[float]:
    """From the moment at which a stream's last audio was due to the server's last word."""
    values = []
    for stream in level.streams:
        due = stream.turn.begin_s + stream.messages * _MESSAGE_S
        if not level.measure_from_s <= due <= level.measure_to_s:
            continue
        if stream.outcome == "complete" and stream.ended_s is not None:
            values.append(1000 * (stream.ended_s - due))
        elif stream.outcome == "unfinished":
            values.append(1000 * (level.drop_s - due))
    return values


def server_latencies_ms(level: Level) -> list[float]:
    """The server's own figure for every result of the measured time that has one and is not of the end."""
    return [
        server_ms
        for stream in level.streams
        for at_s, needed_s, _, server_ms in changes(stream)
        if server_ms is not None
        and needed_s < stream.messages * _MESSAGE_S
        and level.measure_from_s <= at_s <= level.measure_to_s
    ]


def emission_delays_ms(level: Level, ends: Mapping[int, Sequence[tuple[str, float]]]) -> list[float]:
    """From the end of a word in the audio to when it was shown, to stay, with all words before it.

    Args:
        level: what happened.
        ends: words with their ends in s for each recording, the same for all systems; words that this
            server heard otherwise are left out.
    """
    values = []
    for stream in level.streams:
        known = ends.get(stream.turn.recording)
        if stream.outcome != "complete" or not known or not stream.readings:
            continue
        shown = _shown_at(stream)
        heard = words_of(stream.readings[-1][1])
        for block in SequenceMatcher(
            None, heard, [word for word, _ in known], autojunk=False
        ).get_matching_blocks():
            for offset in range(block.size):
                spoken = stream.turn.begin_s + known[block.b + offset][1]
                if level.measure_from_s <= spoken <= level.measure_to_s:
                    values.append(1000 * (shown[block.a + offset] - spoken))
    return values


def _shown_at(stream: Stream) -> list[float]:
    """For each word of the transcript, when it was there to stay with all before it."""
    final = words_of(stream.readings[-1][1])
    shown, stable = [math.inf] * len(final), len(final)
    for at_s, text, *_ in reversed(stream.readings):
        words = words_of(text)
        same = 0
        while same < min(stable, len(words)) and words[same] == final[same]:
            same += 1
        stable = same
        shown[:stable] = [at_s] * stable
    return shown


def errors_by_recording(level: Level, recordings: Sequence[Recording]) -> dict[int, Errors]:
    """Word errors of all streams that ended by themselves."""
    found: dict[int, Errors] = {}
    for stream in level.streams:
        if stream.outcome == "complete":
            number = stream.turn.recording
            errors = count_errors(recordings[number].text, transcript(stream))
            found[number] = found.get(number, Errors()) + errors
    return found


def transcript(stream: Stream) -> str:
    """A stream's words."""
    return stream.readings[-1][1] if stream.readings else ""


def carried(level: Level) -> float:
    """Streams being served, on average over the measured time; refused and failed ones do not count."""
    length_s = level.measure_to_s - level.measure_from_s
    served = 0.0
    for stream in level.streams:
        if stream.outcome in ("complete", "unfinished"):
            begin_s = max(stream.turn.begin_s, level.measure_from_s)
            end_s = min(stream.turn.begin_s + stream.messages * _MESSAGE_S, level.measure_to_s)
            served += max(0.0, end_s - begin_s)
    return served / length_s


def heard_by(level: Level) -> dict[int, Heard]:
    """What an unloaded level says of every recording that was played to its end."""
    return {
        stream.turn.recording: Heard(
            transcript(stream),
            [(needed_s, text) for _, needed_s, text, _ in changes(stream)],
            [(word, end_s) for _, _, _, _, words in stream.readings for word, end_s in words],
        )
        for stream in level.streams
        if stream.outcome == "complete"
    }


def figures(
    level: Level,
    recordings: Sequence[Recording],
    reference: Mapping[int, Heard],
    ends: Mapping[int, Sequence[tuple[str, float]]],
) -> dict[str, Any]:
    """All figures of a level, as JSON."""
    streams = carried(level)
    outcomes = [stream.outcome for stream in level.streams]
    complete = [
        stream
        for stream in level.streams
        if stream.outcome == "complete" and stream.turn.recording in reference
    ]
    same = sum(words_of(transcript(s)) == words_of(reference[s.turn.recording].text) for s in complete)
    by_recording = errors_by_recording(level, recordings)
    errors = sum(by_recording.values(), Errors())
    usual = sum(
        (count_errors(recordings[s.turn.recording].text, reference[s.turn.recording].text) for s in complete),
        Errors(),
    )
    late_ms = [1000 * late for stream in level.streams for late in stream.late_s]
    servers = {
        name: cores
        for name, cores in level.load.cores.items()
        if name not in ("load client", "driver", "idle systems")
    }
    return {
        "offered": level.lanes,
        "carried": round(streams, 1),
        "streams": {name: outcomes.count(name) for name in ("complete", "unfinished", "refused", "failed")},
        "failures": sorted({stream.reason for stream in level.streams if stream.outcome == "failed"})[:5],
        "partial_latency_ms": with_intervals(level, lambda one: partial_latencies_ms(one, reference)),
        "final_latency_ms": with_intervals(level, final_latencies_ms),
        "server_latency_ms": with_intervals(level, server_latencies_ms),
        "word_emission_delay_ms": with_intervals(level, lambda one: emission_delays_ms(one, ends)),
        "client_lateness_ms": percentiles(late_ms),
        "cpu_s_per_stream_s": {
            name: round(cores / streams, 5) if streams else None for name, cores in servers.items()
        },
        "server_cores": round(sum(servers.values()), 3),
        "memory_mib": {name: round(level.load.memory_mib[name], 1) for name in servers},
        "mean_batch": _mean_batch(level),
        "words": {
            "compared": errors.words,
            "error_rate": round(errors.rate, 2) if errors.words else None,
            "error_rate_interval_95": intervals.of_error_rate(list(by_recording.values())),
            "error_rate_unloaded": round(usual.rate, 2) if usual.words else None,
            "transcripts": len(complete),
            "as_unloaded": same,
        },
        "load": level.load.as_json(),
    }


def _mean_batch(level: Level) -> float | None:
    """Streams per encoder request; None for a server that does not count them."""
    ticks = level.counters.get("encoder_ticks")
    return round(level.counters["encoder_rows"] / ticks, 2) if ticks else None
