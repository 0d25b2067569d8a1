"""Whose turn it is, and who is ahead of the clock."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import numpy as np

from amira_decoder.encoder.base import EncoderGeometry
from amira_decoder.job import Job
from amira_decoder.load import LoadMeter, Pace
from amira_decoder.load.turns import take_jobs
from amira_decoder.slots import Slot
from amira_decoder.stream import DecodingStream, StreamLimits
from tests.decoder.load.test_cost_and_load import Clock

GEOMETRY = EncoderGeometry(window_frames=32, chunk_frames=32, feature_dim=1, output_frames=8, output_dim=1)
CHUNK_S = 0.32


def stream(number: int, clock: Clock, chunks: int, *, goes_on: bool = False) -> DecodingStream:
    """A stream that has so many chunks waiting."""
    opened = DecodingStream(
        stream_id=str(number),
        slot=Slot(number, number),
        geometry=GEOMETRY,
        tracker=cast(Any, None),
        limits=StreamLimits(tail_frames=0, max_buffered_frames=100_000, max_pending_responses=100_000),
        wake_scheduler=lambda: None,
        pace=Pace(goes_on=goes_on, clock=clock),
    )
    asyncio.run(opened.add_features(np.zeros((32 * chunks, 1), np.float32).tobytes()))
    return opened


def meter_of(clock: Clock, row_s: float = 0.01) -> LoadMeter:
    """A tenth of a chunk's time is three rows."""
    meter = LoadMeter(clock)
    meter.begin(CHUNK_S)
    for rows in (1, 2, 3, 4) * 10:
        meter.encoded(rows, rows * row_s)
    return meter


def ids(jobs: list[Job]) -> list[str]:
    return [job.stream.stream_id for job in jobs]


def run_ahead(files: list[DecodingStream], meter: LoadMeter) -> None:
    """Until they have nothing more that may have been spoken."""
    while not all(one.pace.is_ahead for one in files):
        assert take_jobs(files, meter)


def test_without_live_streams_everybody_is_served() -> None:
    clock = Clock()
    meter, files = meter_of(clock), [stream(number, clock, 100) for number in range(10)]
    run_ahead(files, meter)
    assert len(take_jobs(files, meter)) == 10


def test_files_fill_what_live_streams_leave() -> None:
    clock = Clock()
    meter, files = meter_of(clock), [stream(number, clock, 100) for number in range(10)]
    run_ahead(files, meter)
    live = stream(90, clock, 0)
    assert len(take_jobs([*files, live], meter)) == 3  # nobody waits at the moment
    asyncio.run(live.add_features(bytes(4 * 32)))
    jobs = ids(take_jobs([*files, live], meter))
    assert len(jobs) == 3
    assert "90" in jobs
    many = [live, *(stream(number, clock, 1) for number in range(91, 99))]
    jobs = ids(take_jobs([*files, *many], meter))
    assert jobs == [str(number) for number in range(91, 99)]


def test_files_take_turns() -> None:
    clock = Clock()
    meter, files = meter_of(clock), [stream(number, clock, 100) for number in range(10)]
    run_ahead(files, meter)
    live = stream(90, clock, 0)
    served: set[str] = set()
    for _ in range(4):
        clock.now += 0.03
        served.update(ids(take_jobs([*files, live], meter)))
    assert len(served) == 10


def test_nobody_gets_less_than_the_speed_of_speech() -> None:
    clock = Clock()
    meter, file = meter_of(clock), stream(0, clock, 10_000)
    run_ahead([file], meter)
    for _ in range(1000):  # a minute's audio, at once
        take_jobs([file], meter)
    crowd = [stream(number, clock, 200) for number in range(1, 9)]
    chunks = 0
    for _ in range(100):
        clock.now += CHUNK_S
        chunks += "0" in ids(take_jobs([file, *crowd], meter))
    assert 95 <= chunks <= 105


def test_speech_as_it_is_spoken_is_never_ahead() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    for _ in range(1000):
        clock.now += CHUNK_S
        pace.decoded(CHUNK_S)
        assert not pace.is_ahead


def test_audio_from_before_the_stream_and_from_a_pause_may_come_at_once() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    pace.decoded(3.0)
    assert not pace.is_ahead
    pace.decoded(1.0)
    assert pace.is_ahead
    clock.now += 3600
    pace.decoded(60)
    assert not pace.is_ahead
    pace.decoded(1.0)
    assert pace.is_ahead


def test_a_replay_is_not_ahead() -> None:
    clock = Clock()
    pace = Pace(goes_on=True, clock=clock)
    pace.decoded(60)
    assert not pace.is_ahead
