"""Published layouts through the real Triton: what comes out equals the slot table in this process."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="torch exports the tiny models")

from amira_decoder.encoder.base import Encoder
from amira_decoder.encoder.in_process import InProcessEncoder
from amira_decoder.encoder.triton import TritonEncoder
from tests.support.batches import batch, windows
from tests.support.exports import ARCHITECTURES, write_transducer
from tests.support.triton import TritonProcess

SLOTS = 4
Schedule = list[list[tuple[int, int]]]
"""Per step: (stream, its chunk)."""


def schedule(chunks: int, streams: int) -> Schedule:
    """Streams that start, pause and end at different steps."""
    chance, position = random.Random(11), [0] * streams
    steps: Schedule = []
    while waiting := [stream for stream in range(streams) if position[stream] < chunks]:
        chosen = chance.sample(waiting, chance.randint(1, min(SLOTS, len(waiting))))
        steps.append([(stream, position[stream]) for stream in chosen])
        for stream in chosen:
            position[stream] += 1
    return steps


async def run(encoder: Encoder, steps: Schedule, speech: NDArray[np.float32]) -> dict[tuple[int, int], bytes]:
    """Each chunk's encoder frames."""
    heard: dict[tuple[int, int], bytes] = {}
    for step in steps:
        streams = [stream for stream, _ in step]
        output = await encoder.step(
            batch(
                np.stack([speech[stream, chunk] for stream, chunk in step]),
                streams,
                [100 + stream for stream in streams],
                [chunk == 0 for _, chunk in step],
            )
        )
        assert output.accepted.all()
        heard |= {place: frames.tobytes() for place, frames in zip(step, output.frames, strict=True)}
    return heard


@pytest.mark.parametrize("architecture", ["zipformer2", "conformer"])
async def test_triton_runs_it_batched(architecture: str, tmp_path: Path) -> None:
    model = write_transducer(tmp_path / architecture, ARCHITECTURES[architecture])
    reference = InProcessEncoder(model.path, SLOTS, "onnxruntime", 1)
    geometry = await reference.connect()
    chunks, streams = 4, SLOTS
    speech = windows(geometry, streams * chunks).reshape(streams, chunks, geometry.window_frames, -1)
    alone: dict[tuple[int, int], bytes] = {}
    for stream in range(streams):
        alone |= await run(reference, [[(stream, chunk)] for chunk in range(chunks)], speech)
    await reference.close()

    triton = TritonProcess.start(model.path, slots=SLOTS, threads=1)
    encoder = TritonEncoder(triton.target)
    try:
        assert await encoder.connect() == geometry
        assert await run(encoder, schedule(chunks, streams), speech) == alone
    finally:
        await encoder.close()
        triton.stop()
