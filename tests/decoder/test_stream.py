"""DecodingStream: which frames make which chunk, and where controls fall."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira.decoder.v1 import decoder_pb2
from amira_core import errors
from amira_decoder.controls import Control, End, Flush, MarkPassed, Update
from amira_decoder.encoder.base import EncoderGeometry
from amira_decoder.frame_buffer import SILENCE_LOG_MEL
from amira_decoder.slots import Slot
from amira_decoder.stream import DecodingStream, StreamLimits

GEOMETRY = EncoderGeometry(window_frames=13, chunk_frames=8, feature_dim=2, output_frames=2, output_dim=4)
TAIL_FRAMES = 5
Step = int | Control
Seen = list[tuple[list[float] | None, int, list[Control]]]


def make_stream(
    max_buffered_frames: int = 10_000,
    max_pending_responses: int = 4,
    geometry: EncoderGeometry = GEOMETRY,
) -> DecodingStream:
    return DecodingStream(
        stream_id="s",
        slot=Slot(0, 1),
        geometry=geometry,
        tracker=cast(Any, None),  # the words of a chunk are not this module's business
        limits=StreamLimits(TAIL_FRAMES, max_buffered_frames, max_pending_responses),
        wake_scheduler=lambda: None,
    )


def packed(first: int, count: int) -> bytes:
    return np.arange(first, first + count, dtype=np.float32)[:, None].repeat(2, 1).tobytes()


def drain(stream: DecodingStream, seen: Seen) -> None:
    while stream.ready:
        job = stream.take_job()
        window = None if job.window is None else job.window[:, 0].tolist()
        seen.append((window, job.end_frame, list(job.completed)))


async def run(steps: list[Step], drain_after_each: bool) -> Seen:
    stream, seen, first = make_stream(), Seen(), 0
    for step in steps:
        if isinstance(step, int):
            await stream.add_features(packed(first, step))
            first += step
        else:
            stream.add_control(step)
        if drain_after_each:
            drain(stream, seen)
    drain(stream, seen)
    return seen


steps_strategy = st.lists(
    st.one_of(st.integers(0, 40), st.just(Flush()), st.builds(MarkPassed, st.sampled_from("ab"))), max_size=12
)


@settings(deadline=None)
@given(steps_strategy, st.data())
def test_chunks_do_not_depend_on_when_frames_come(steps: list[Step], data: st.DataObject) -> None:
    """However frames are cut and whenever the scheduler looks, the chunks are the same."""
    steps = [*steps, End()]
    recut: list[Step] = []
    for step in steps:
        if isinstance(step, int) and step > 1:
            cut = data.draw(st.integers(0, step))
            recut += [cut, step - cut]
        else:
            recut.append(step)
    late = asyncio.run(run(steps, drain_after_each=False))
    early = asyncio.run(run(recut, drain_after_each=True))
    assert [w for w, _, _ in late if w] == [w for w, _, _ in early if w]
    assert [c for _, _, cs in late for c in cs] == [c for _, _, cs in early for c in cs]


@settings(deadline=None)
@given(steps_strategy)
def test_every_frame_is_decoded_once_with_its_tail(steps: list[Step]) -> None:
    seen = asyncio.run(run([*steps, End()], drain_after_each=False))
    total = sum(step for step in steps if isinstance(step, int))
    consumed: list[float] = []
    for window, end_frame, _ in seen:
        if window is not None:
            consumed += window[: end_frame - len(consumed)]
    assert consumed == [float(i) for i in range(total)]
    assert isinstance(seen[-1][2][-1], End)
    if total and not (steps and isinstance(steps[-1], Flush)):
        padded = [w for w, _, _ in seen if w is not None][-1]
        assert padded[-1] == np.float32(SILENCE_LOG_MEL)


@settings(deadline=None)
@given(steps_strategy, st.integers(0, 9), st.booleans())
def test_with_any_delay_the_search_sees_the_audio_its_tail_and_nothing_else(
    steps: list[Step], delay: int, drain_after_each: bool
) -> None:
    """Follows each encoder frame back to the features that it stands for."""
    geometry = replace(GEOMETRY, output_delay_frames=delay)
    span = geometry.chunk_frames // geometry.output_frames
    stream, total, begin = make_stream(geometry=geometry), 0, 0
    fed: list[float] = []
    searched: list[float] = []

    def check() -> None:
        nonlocal begin
        while stream.ready:
            job = stream.take_job()
            if job.window is not None:
                first_output = len(fed) // span - delay
                fed.extend(job.window[: geometry.chunk_frames, 0].tolist())
                for output in range(first_output + job.skipped_outputs, len(fed) // span - delay):
                    assert output >= 0
                    searched.extend(fed[output * span : (output + 1) * span])
            real = [frame for frame in searched if frame >= 0]
            assert real == [float(frame) for frame in range(begin, job.end_frame)]
            if any(isinstance(control, Flush | End) for control in job.completed):
                assert job.end_frame == total
                assert searched[: len(real)] == real
                assert not real or len(searched) - len(real) >= TAIL_FRAMES
                searched.clear()
                begin = total

    for step in [*steps, End()]:
        if isinstance(step, int):
            asyncio.run(stream.add_features(packed(total, step)))
            total += step
        else:
            stream.add_control(step)
        if drain_after_each or isinstance(step, Flush | End):
            check()
    assert not stream.ready
    assert begin == total


async def test_frames_behind_a_flush_do_not_leak_into_its_chunks() -> None:
    seen = await run([10, Flush(), 30, End()], drain_after_each=False)
    silence = float(np.float32(SILENCE_LOG_MEL))
    assert seen[0][0] == [*map(float, range(10)), *[silence] * 3]
    assert seen[1][0] == [8.0, 9.0, *[silence] * 11]
    assert seen[1][2] == [Flush()]
    assert seen[2][0] == [*map(float, range(10, 23))]


async def test_mark_waits_for_its_audio() -> None:
    stream, seen = make_stream(), Seen()
    await stream.add_features(packed(0, 20))
    stream.add_control(MarkPassed("m"))
    drain(stream, seen)
    assert [controls for _, _, controls in seen] == [[]]  # 8 of 20 frames are decoded
    await stream.add_features(packed(20, 12))
    drain(stream, seen)
    assert seen[-1][1:] == (24, [MarkPassed("m")])


async def test_mark_waits_for_a_late_encoder() -> None:
    """A mark comes when the audio before it is decoded, not when the encoder has eaten it."""
    stream, seen = make_stream(geometry=replace(GEOMETRY, output_delay_frames=3)), Seen()
    await stream.add_features(packed(0, 16))
    stream.add_control(MarkPassed("m"))
    await stream.add_features(packed(16, 20))
    drain(stream, seen)
    assert [(end_frame, controls) for _, end_frame, controls in seen] == [(0, []), (4, []), (12, [])]
    await stream.add_features(packed(36, 1))
    drain(stream, seen)
    assert seen[-1][1:] == (20, [MarkPassed("m")])


async def test_end_without_audio_needs_no_chunk() -> None:
    assert await run([End()], drain_after_each=True) == [(None, 0, [End()])]


async def test_only_the_first_chunk_resets() -> None:
    stream = make_stream()
    await stream.add_features(packed(0, 40))
    assert [stream.take_job().reset for _ in range(3)] == [True, False, False]


async def test_refuses_parts_of_frames() -> None:
    with pytest.raises(errors.MalformedAudioError, match="whole frames"):
        await make_stream().add_features(b"123")


async def test_sender_waits_when_too_much_is_held() -> None:
    stream = make_stream(max_buffered_frames=20)
    await stream.add_features(packed(0, 20))
    adding = asyncio.create_task(stream.add_features(packed(20, 5)))
    await asyncio.sleep(0)
    assert not adding.done()
    stream.take_job()
    await adding


@pytest.mark.parametrize("control", [MarkPassed("m"), Update(interim_results=True)])
async def test_controls_without_audio_are_bounded(control: Control) -> None:
    stream = make_stream()
    await stream.add_features(packed(0, 12))  # less than a window: only more audio or a flush helps
    limits = stream.limits
    for _ in range(
        limits.max_pending_updates if isinstance(control, Update) else limits.max_pending_controls
    ):
        await stream.room_for(type(control))
        stream.add_control(control)
    with pytest.raises(errors.ProtocolError, match="wait for audio"):
        await stream.room_for(type(control))
    await stream.room_for(Flush)
    stream.add_control(Flush())
    drain(stream, [])
    await stream.room_for(type(control))


@pytest.mark.parametrize("freed_by", ["a chunk", "a flush", "the end of the stream"])
async def test_controls_wait_for_room_where_it_will_come(freed_by: str) -> None:
    stream = make_stream()
    await stream.add_features(packed(0, 8))
    for _ in range(stream.limits.max_pending_controls):
        stream.add_control(Flush() if freed_by == "a flush" else MarkPassed("m"))
    await stream.add_features(packed(8, 5))
    waiting = asyncio.create_task(stream.room_for(MarkPassed))
    await asyncio.sleep(0)
    if freed_by == "the end of the stream":
        assert not waiting.done()
        stream.abort()
    else:
        assert not waiting.done()
        drain(stream, [])
    await asyncio.wait_for(waiting, 60)


async def test_a_slow_reader_pauses_decoding_and_loses_nothing() -> None:
    stream = make_stream(max_pending_responses=2)
    await stream.add_features(packed(0, 60))
    for number in range(2):
        job = stream.take_job()
        stream.deliver([decoder_pb2.DecodeResponse(decoded_frames=job.end_frame)], ended=False)
        assert stream.ready == (number == 0)
    stream.add_control(End())
    got: list[int] = []

    async def read() -> None:
        async for response in stream.responses():
            got.append(response.decoded_frames)

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    while not stream.closed:
        job = stream.take_job()
        ended = any(isinstance(control, End) for control in job.completed)
        stream.deliver([decoder_pb2.DecodeResponse(decoded_frames=job.end_frame)], ended)
        await asyncio.sleep(0)
    await reader
    assert got == sorted(got)
    assert got[-1] == 60


async def test_failure_comes_after_the_responses_before_it() -> None:
    stream = make_stream()
    stream.deliver([decoder_pb2.DecodeResponse(decoded_frames=1)], ended=False)
    stream.fail(errors.EncoderLostError("gone"))
    stream.fail(errors.InternalError("the first failure counts"))
    responses = stream.responses()
    assert (await anext(responses)).decoded_frames == 1
    with pytest.raises(errors.EncoderLostError, match="gone"):
        await anext(responses)
