"""Scheduler: batches, order, and what happens to streams when the encoder refuses, forgets or dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_core.rpc.server import cancel_and_wait
from amira_decoder import scheduler as scheduling
from amira_decoder.controls import End
from amira_decoder.encoder.base import EncoderBatch, EncoderGeometry, EncoderOutput
from amira_decoder.load import LoadMeter
from amira_decoder.scheduler import Scheduler
from amira_decoder.search_thread import SearchThread
from amira_decoder.slots import Slot
from amira_decoder.stream import DecodingStream, StreamLimits

GEOMETRY = EncoderGeometry(window_frames=4, chunk_frames=4, feature_dim=1, output_frames=1, output_dim=1)


@dataclass
class ScriptedEncoder:
    """Echoes the first feature of each row; misbehaves on demand."""

    batches: list[EncoderBatch] = field(default_factory=list)
    misbehave: Callable[[EncoderBatch], EncoderOutput | None] = lambda batch: None
    available: bool = True
    name: str = "scripted"
    slots: int = 8
    engine: str = "scripted f32"
    draining: bool = False
    about_to_stop: bool = False
    runs_other_model: bool = False
    asked: list[bool] = field(default_factory=list)

    async def connect(self) -> EncoderGeometry:
        return GEOMETRY

    async def step(self, batch: EncoderBatch) -> EncoderOutput:
        self.batches.append(batch)
        await asyncio.sleep(0.001)
        odd = self.misbehave(batch)
        return odd or EncoderOutput(batch.features[:, :1].copy(), np.ones(len(batch.slots), np.bool_))

    async def ready(self, has_streams: bool = False) -> bool:
        self.asked.append(has_streams)
        self.draining = self.about_to_stop
        return self.available

    async def close(self) -> None: ...


class EchoSearch:
    """Gives each segment the numbers that came out of the encoder."""

    def advance(self, segments: list[list[float]], frames: np.ndarray[Any, Any]) -> None:
        for segment, row in zip(segments, frames, strict=True):
            segment += row.ravel().tolist()

    def best(self, segments: list[list[float]]) -> list[float]:
        return [segment[-1] for segment in segments]


class EchoTracker:
    """Answers each chunk with its number."""

    def __init__(self, search: EchoSearch) -> None:
        self.search = search
        self.segment: list[float] = []

    def chunk_decoded(self, best: float, end_frame: int) -> list[decoder_pb2.DecodeResponse]:
        return [decoder_pb2.DecodeResponse(decoded_frames=int(best))]

    def apply(self, control: object, end_frame: int) -> list[decoder_pb2.DecodeResponse]:
        return []


class FixedMeter(LoadMeter):
    """Says what it is told to say."""

    fixed_load = 0.0

    def load(self, streams: int) -> float:
        return self.fixed_load


@dataclass
class Bench:
    """A running scheduler over a scripted encoder."""

    encoder: ScriptedEncoder
    scheduler: Scheduler
    meter: FixedMeter
    search: EchoSearch = field(default_factory=EchoSearch)
    health: list[bool] = field(default_factory=list)

    def open(self, number: int) -> DecodingStream:
        stream = DecodingStream(
            stream_id=str(number),
            slot=Slot(number, 1000 + number),
            geometry=GEOMETRY,
            tracker=cast(Any, EchoTracker(self.search)),
            limits=StreamLimits(tail_frames=0, max_buffered_frames=100, max_pending_responses=100),
            wake_scheduler=self.scheduler.wake,
            hurry_scheduler=self.scheduler.hurry,
        )
        self.scheduler.add(stream)
        return stream


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    encoder = ScriptedEncoder()
    thread = SearchThread()
    meter = FixedMeter()
    scheduler = Scheduler(encoder, thread, meter)
    made = Bench(encoder, scheduler, meter)
    scheduler.on_encoder_change = lambda: made.health.append(scheduler.encoder_available)
    running = asyncio.create_task(scheduler.run())
    yield made
    assert not running.done(), "the scheduler must outlive whatever its encoder does"
    await cancel_and_wait([running])
    thread.shutdown()


async def feed(stream: DecodingStream, first: int, chunks: int) -> None:
    for chunk in range(chunks):
        await stream.add_features(np.full((4, 1), first + chunk, np.float32).tobytes())


async def numbers(stream: DecodingStream) -> list[int]:
    return [response.decoded_frames async for response in stream.responses()]


async def test_streams_share_batches_and_keep_their_order(bench: Bench) -> None:
    streams = [bench.open(number) for number in range(5)]
    for number, stream in enumerate(streams):
        await feed(stream, 100 * number, 6)
        stream.add_control(End())
    heard = await asyncio.gather(*map(numbers, streams))
    assert heard == [[100 * number + chunk for chunk in range(6)] for number in range(5)]
    assert max(len(batch.slots) for batch in bench.encoder.batches) == 5
    for batch in bench.encoder.batches:
        assert len(set(batch.slots.tolist())) == len(batch.slots)
        assert (batch.generations == 1000 + batch.slots).all()
    resets = sum(int(batch.reset.sum()) for batch in bench.encoder.batches)
    assert resets == 5


async def test_a_forgotten_stream_fails_alone(bench: Bench) -> None:
    def forget_slot_1(batch: EncoderBatch) -> EncoderOutput:
        return EncoderOutput(batch.features[:, :1].copy(), batch.slots != 1)

    bench.encoder.misbehave = forget_slot_1
    lucky, unlucky = bench.open(0), bench.open(1)
    for stream in (lucky, unlucky):
        await feed(stream, 7, 2)
        stream.add_control(End())
    with pytest.raises(errors.EncoderLostError, match="start it again"):
        await numbers(unlucky)
    assert await numbers(lucky) == [7, 8]


async def test_a_lost_encoder_fails_its_streams_and_comes_back(bench: Bench) -> None:
    def die(batch: EncoderBatch) -> EncoderOutput:
        raise errors.EncoderLostError("gone")

    started, waiting = bench.open(0), bench.open(1)
    await feed(started, 1, 1)
    first = aiter(started.responses())
    assert (await anext(first)).decoded_frames == 1
    bench.encoder.misbehave, bench.encoder.available = die, False
    victim = bench.open(2)
    await feed(victim, 5, 1)
    for stream in (started, victim):
        with pytest.raises(errors.EncoderLostError):
            await numbers(stream)
    assert not bench.scheduler.encoder_available
    bench.encoder.misbehave, bench.encoder.available = (lambda batch: None), True
    await feed(waiting, 3, 1)  # never had state in the encoder, so nothing of it is lost
    waiting.add_control(End())
    assert await numbers(waiting) == [3]
    assert bench.health == [False, True]


async def test_a_refused_batch_costs_only_its_streams(bench: Bench) -> None:
    def refuse(batch: EncoderBatch) -> EncoderOutput:
        raise errors.InternalError("The encoder refused a batch.")

    bench.encoder.misbehave = refuse
    refused = bench.open(0)
    await feed(refused, 1, 1)
    with pytest.raises(errors.InternalError):
        await numbers(refused)
    bench.encoder.misbehave = lambda batch: None
    fine = bench.open(1)
    await feed(fine, 9, 1)
    fine.add_control(End())
    assert await numbers(fine) == [9]


async def test_a_defect_in_the_search_costs_one_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(segments: object, frames: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(bench.search, "advance", crash)
        broken = bench.open(0)
        await feed(broken, 1, 1)
        with pytest.raises(errors.InternalError, match="incident"):
            await numbers(broken)
    fine = bench.open(1)
    await feed(fine, 9, 1)
    fine.add_control(End())
    assert await numbers(fine) == [9]


async def test_a_removed_stream_is_forgotten_in_flight(bench: Bench) -> None:
    leaving, staying = bench.open(0), bench.open(1)
    await feed(leaving, 1, 3)
    await feed(staying, 1, 3)
    staying.add_control(End())
    await asyncio.sleep(0)
    bench.scheduler.remove(leaving)
    assert await numbers(staying) == [1, 2, 3]
    assert await numbers(leaving) == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.01)


async def test_an_idle_scheduler_notices_that_the_encoder_is_gone_and_back(bench: Bench) -> None:
    idle = bench.open(0)
    bench.encoder.available = False
    await until(lambda: not bench.scheduler.encoder_available)
    bench.encoder.available = True
    await until(lambda: bench.scheduler.encoder_available)
    assert bench.health == [False, True]
    await feed(idle, 3, 1)
    idle.add_control(End())
    assert await numbers(idle) == [3]


async def test_the_encoder_hears_whether_there_are_streams(bench: Bench) -> None:
    await until(lambda: bench.encoder.asked == [False])
    stream = bench.open(0)
    await until(lambda: bench.encoder.asked[-1])
    bench.scheduler.remove(stream)
    await until(lambda: not bench.encoder.asked[-1])


async def test_an_encoder_that_only_steps_is_busy_not_lost(bench: Bench) -> None:
    bench.encoder.available = False
    stream = bench.open(0)
    for number in range(30):
        await feed(stream, number, 1)
        await asyncio.sleep(0.1)
    stream.add_control(End())
    assert await numbers(stream) == list(range(30))
    assert len(bench.encoder.asked) >= 2
    assert bench.health == []


async def test_an_encoder_that_is_about_to_stop_is_left(bench: Bench) -> None:
    streams = [bench.open(number) for number in range(2)]
    bench.encoder.about_to_stop = True
    for stream in streams:
        assert (await anext(aiter(stream.responses()))).HasField("draining")
    assert not bench.scheduler.encoder_available
    await feed(streams[0], 5, 1)
    streams[0].add_control(End())
    assert await numbers(streams[0]) == [5], "it is served as long as the encoder is there"
    bench.encoder.about_to_stop = False
    await until(lambda: bench.scheduler.encoder_available)


@pytest.fixture
def endless_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for company waits for ever."""
    monkeypatch.setattr(scheduling, "_MOST_GAP_S", 3600.0)


@pytest.mark.usefixtures("endless_gap")
@pytest.mark.parametrize(("load", "batches"), [(0.05, 2), (1.0, 1)])
async def test_streams_wait_for_company_under_load_alone(bench: Bench, load: float, batches: int) -> None:
    bench.meter.fixed_load = load
    first, _ = bench.open(0), bench.open(1)
    heard = aiter(first.responses())
    await feed(first, 1, 1)
    assert (await anext(heard)).decoded_frames == 1
    await feed(first, 2, 1)
    await until(lambda: len(bench.encoder.batches) >= batches)
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert len(bench.encoder.batches) == batches


@pytest.mark.usefixtures("endless_gap")
async def test_whoever_waits_for_an_ending_takes_the_others_along(bench: Bench) -> None:
    bench.meter.fixed_load = 1.0
    ending, other = bench.open(0), bench.open(1)
    await feed(ending, 1, 1)
    await until(lambda: len(bench.encoder.batches) == 1)
    await feed(ending, 2, 5)
    await feed(other, 7, 1)
    ending.add_control(End())
    assert await asyncio.wait_for(numbers(ending), 60) == [1, 2, 3, 4, 5, 6]
    assert (await anext(aiter(other.responses()))).decoded_frames == 7
    assert [len(batch.slots) for batch in bench.encoder.batches] == [1, 2, 1, 1, 1, 1]


@pytest.mark.usefixtures("endless_gap")
async def test_a_lone_stream_waits_for_nobody(bench: Bench) -> None:
    bench.meter.fixed_load = 1.0
    stream = bench.open(0)
    heard = aiter(stream.responses())
    for number in range(4):
        await feed(stream, number, 1)
        assert (await anext(heard)).decoded_frames == number
