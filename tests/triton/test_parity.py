"""Triton gives exactly what the slot table gives: states kept, streams apart, whoever shares a batch."""

from __future__ import annotations

import random
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from amira_decoder.encoder import Encoder
from amira_decoder.encoder.in_process import InProcessEncoder
from amira_decoder.encoder.triton import TritonEncoder
from amira_decoder.slots import SlotPool
from tests.support.batches import batch, windows
from tests.support.triton import TritonProcess
from tests.triton.conftest import SLOTS


@pytest.fixture
async def reference(model_dir: Path) -> AsyncIterator[InProcessEncoder]:
    """The same engine without Triton."""
    encoder = InProcessEncoder(model_dir, SLOTS, "onnxruntime")
    await encoder.connect()
    yield encoder
    await encoder.close()


async def test_geometry_and_slots_are_learnt(encoder: TritonEncoder, reference: InProcessEncoder) -> None:
    assert await encoder.connect() == await reference.connect()
    assert encoder.slots == SLOTS
    assert await encoder.ready()


@dataclass
class Stream:
    """A stream of chunks, and what came back for it."""

    chunks: NDArray[np.float32]
    slot: int
    generation: int
    frames: list[NDArray[np.float32]] = field(default_factory=list)


async def test_streams_are_independent_of_their_batchmates(
    encoder: TritonEncoder, reference: InProcessEncoder
) -> None:
    """Random membership in Triton, each stream alone in the reference: bit for bit the same."""
    geometry = await encoder.connect()
    pool, chance = SlotPool(SLOTS), random.Random(7)
    streams = []
    for number in range(6):
        slot = pool.allocate()
        streams.append(Stream(windows(geometry, 4, seed=number), slot.index, slot.generation))
    while waiting := [stream for stream in streams if len(stream.frames) < len(stream.chunks)]:
        await _advance(encoder, chance.sample(waiting, chance.randint(1, len(waiting))))
    for stream in streams:
        alone = Stream(stream.chunks, stream.slot, stream.generation)
        for _ in alone.chunks:
            await _advance(reference, [alone])
        np.testing.assert_array_equal(np.stack(stream.frames), np.stack(alone.frames))
    assert not np.array_equal(streams[0].frames[0], streams[1].frames[0])


async def _advance(encoder: Encoder, streams: list[Stream]) -> None:
    output = await encoder.step(
        batch(
            np.stack([stream.chunks[len(stream.frames)] for stream in streams]),
            [stream.slot for stream in streams],
            [stream.generation for stream in streams],
            [not stream.frames for stream in streams],
        )
    )
    assert output.accepted.all()
    for stream, frames in zip(streams, output.frames, strict=True):
        stream.frames.append(frames)


async def test_a_stale_generation_is_refused_and_its_batchmates_are_unhurt(encoder: TritonEncoder) -> None:
    geometry = await encoder.connect()
    features = windows(geometry, 2)
    first = await encoder.step(batch(features, [0, 1], [100, 100], True))
    assert first.accepted.all()
    second = await encoder.step(batch(features, [0, 1], [99, 100], False))
    assert second.accepted.tolist() == [False, True]
    assert not second.frames[0].any()
    assert second.frames[1].any()
    third = await encoder.step(batch(features[:1], [0], [100], False))
    np.testing.assert_array_equal(third.frames[0], (await _replay(encoder, features[:1], 2))[1])


async def _replay(
    encoder: TritonEncoder, features: NDArray[np.float32], steps: int
) -> list[NDArray[np.float32]]:
    outputs = [await encoder.step(batch(features, [5], [7], step == 0)) for step in range(steps)]
    return [output.frames[0] for output in outputs]


async def test_an_empty_batch_answers_and_changes_nothing(encoder: TritonEncoder) -> None:
    geometry = await encoder.connect()
    output = await encoder.step(batch(windows(geometry, 0), [], [], False))
    assert output.frames.shape == (0, geometry.output_frames, geometry.output_dim)
    assert output.accepted.shape == (0,)


async def test_a_batch_of_all_slots_and_one_beyond(encoder: TritonEncoder) -> None:
    geometry = await encoder.connect()
    slots = list(range(SLOTS + 1))
    output = await encoder.step(batch(windows(geometry, SLOTS + 1), slots, [3] * len(slots), True))
    assert output.accepted.tolist() == [True] * SLOTS + [False]


async def test_rows_are_counted(encoder: TritonEncoder, triton: TritonProcess) -> None:
    def rows() -> float:
        with urllib.request.urlopen(triton.metrics_url) as page:  # noqa: S310 - http, our own
            text = page.read().decode()
        return float(text.split('amira_encoder_rows{model="encoder"} ')[1].split()[0])

    geometry = await encoder.connect()
    before = rows()
    await encoder.step(batch(windows(geometry, 3), [0, 1, 2], [9, 9, 9], True))
    assert rows() == before + 3


async def test_a_large_request_passes(encoder: TritonEncoder) -> None:
    """Twice gRPC's default limit of 4 MiB; none of its rows has a slot."""
    geometry = await encoder.connect()
    rows = (8 << 20) // windows(geometry, 1).nbytes
    output = await encoder.step(batch(windows(geometry, rows), [SLOTS] * rows, [1] * rows, True))
    assert not output.accepted.any()
    assert len(output.frames) == rows
