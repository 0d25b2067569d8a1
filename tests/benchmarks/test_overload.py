"""The overload benchmark counts what it says it counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from amira_core import errors
from benchmarks.overload import caller, cpus, figures, phase
from benchmarks.overload.__main__ import table
from tests.gateway.scripted import pattern, running

RECORDING = caller.Recording.of(pattern(16_000), 16_000)  # half a second


def heard(
    began_at: float, *, ended_at: float, delays: Sequence[tuple[float, float]] = (), text: str = "hello"
) -> caller.Heard:
    return caller.Heard(began_at, 0.01, finals=[text], delays=list(delays), ended_at=ended_at)


def refused(began_at: float, answered_s: float) -> caller.Heard:
    return caller.Heard(began_at, answered_s, errors.NoCapacityError("full"), ended_at=began_at + answered_s)


def test_a_recording_is_cut_into_messages_without_loss() -> None:
    samples = pattern(2 * 16_000 + 100)
    recording = caller.Recording.of(samples, 16_000)
    assert b"".join(message.audio.content for message in recording.messages) == samples
    assert len(recording.messages) == 11
    assert recording.seconds == pytest.approx(1.003, abs=0.001)


def test_audio_is_due_with_the_message_that_holds_the_last_of_it() -> None:
    # 320 ms, 125 ms of look-ahead, 7.5 ms of window: 452.5 ms, which the fifth message ends.
    assert caller.due(0.32, 0.125) == pytest.approx(0.5)
    assert caller.due(0.3, 0.0925) == pytest.approx(0.4)
    assert caller.due(0.3, 0.0926) == pytest.approx(0.5)


async def test_admitted_and_refused_callers() -> None:
    async with running(max_streams=1) as stack:
        first = await caller.call(stack.stub, RECORDING, caller.opening("auto"))
        assert first.admitted
        assert first.failure is None
        assert first.text == "16000 bytes"
        holding = stack.open()
        await holding.write(caller.opening("greedy"))
        await holding.read()
        second = await caller.call(stack.stub, RECORDING, caller.opening("auto"))
        assert isinstance(second.refusal, errors.NoCapacityError)
        assert second.answered_s is not None
        holding.cancel()


async def test_a_stream_that_breaks_is_no_refusal() -> None:
    async with running() as stack:

        async def fail(call: object, request: object) -> None:
            if request.WhichOneof("request") == "features":  # type: ignore[attr-defined]
                raise errors.EncoderLostError("gone")

        stack.decoder.hook = fail
        broken = await caller.call(stack.stub, RECORDING, caller.opening("auto"))
        assert broken.admitted
        assert isinstance(broken.failure, errors.EncoderLostError)


def test_arrivals() -> None:
    chance = random.Random(1)
    assert [int(2 * at) for at in phase.even(2.0, 2.0, chance)] == [0, 1, 2, 3]
    arrivals = phase.by_chance(50.0, 20.0, chance)
    assert arrivals == sorted(arrivals)
    assert 850 < len(arrivals) < 1150
    assert arrivals[0] > 0
    assert arrivals[-1] < 20


async def test_all_arrive_and_are_waited_for() -> None:
    begun = []

    async def stream() -> caller.Heard:
        begun.append(len(begun))
        return heard(0.0, ended_at=1.0)

    streams, _ = await phase.run(stream, [0.0, 0.01, 0.02])
    assert len(streams) == len(begun) == 3


def test_only_what_happens_in_the_window_counts() -> None:
    found = phase.Phase(
        [
            heard(5, ended_at=12, delays=[(9.9, 9.0), (10.1, 0.1), (11.9, 0.2)]),
            heard(11, ended_at=25, delays=[(15.0, 0.3), (20.0, 9.0)], text="other"),
            heard(21, ended_at=30, delays=[(22.0, 9.0)]),
            refused(14, 0.02),
            refused(9, 9.0),
        ],
        [phase.Window(10, 20)],
    )
    told = figures.of_phase(found, "hello")
    assert (told["offered"], told["admitted"], told["refused"]) == (2, 1, 1)
    assert told["refusals_by_reason"] == {"NO_CAPACITY": 1}
    assert told["refused_without_retry_info"] == 0
    assert told["results"] == 3
    assert told["latency_ms"]["max"] == 300.0
    assert told["refusal_ms"]["p99"] == 20.0
    assert told["running_at_once"] == pytest.approx(1.1)
    assert told["admitted_with_other_words"] == 1


def test_windows_take_turns() -> None:
    plan = phase.alternating(2.0, 3.0, rounds=10, seconds=10, ramp_s=5, chance=random.Random(1))
    assert plan.within[:2] == [phase.Window(5, 15), phase.Window(25, 35)]
    assert plan.over[:2] == [phase.Window(15, 25), phase.Window(35, 45)]
    assert plan.arrivals == sorted(plan.arrivals)

    def count(windows: Sequence[phase.Window]) -> int:
        return sum(window.has(at) for window in windows for at in plan.arrivals)

    assert count(plan.within) == pytest.approx(200, abs=10)
    assert count(plan.over) == pytest.approx(600, rel=0.15)


def test_ratios_and_table() -> None:
    def part(p50: float, p99: float) -> dict[str, Any]:
        return {
            **figures.of_phase(phase.Phase([], [phase.Window(0, 1)]), ""),
            "latency_ms": {"p50": p50, "p99": p99, "max": p99},
            "cpus_used": {"load client": p50 / 100, "triton": 0.5, "gateway": 0.25},
        }

    within, over = part(10, 100), part(11, 105)
    over["refused"] = 50
    assert figures.ratio(within, over, "p99") == 1.05
    by_round = {"within": [100.0, None, 100.0, 50.0], "over": [90.0, 80.0, 105.0, 100.0]}
    assert figures.median_ratio(by_round) == 1.05
    shown = table(
        {
            "capacity": 7,
            "factor": 3.0,
            "alone_latency_ms": {"p50": 5.0, "p99": 9.0},
            "within": within,
            "over": over,
            "p99_by_round_ms": by_round,
            "windows_s": 10,
            "machine": {"load_average": 1.0},
        }
    )
    assert "| p99 to that within capacity | 1.05 |" in shown
    assert "| 0.10 / 0.75 |" in shown
    assert "| 2.0 / 0.0 ms |" in shown, "0.01 of a CPU for five refusals a second"


async def test_processor_time_is_read_at_the_windows_edges() -> None:
    readings = iter([{"load client": 1.0, "gateway": 5.0}, {"load client": 2.0, "gateway": 5.0}] * 2)
    windows = [phase.Window(0.0, 0.05), phase.Window(0.1, 0.15)]
    used = await cpus.by_window(windows, lambda: next(readings))
    assert used[windows[0]]["load client"] == pytest.approx(20, rel=0.5)
    assert used[windows[1]]["gateway"] == 0
    assert cpus.average([{"a": 1.0}, {"a": 2.0}]) == {"a": 1.5}
    assert cpus.client_and_services({"load client": 1.0, "x": 2.0, "y": 3.0}) == (1.0, 5.0)
