"""The encoder without Triton behaves as the one in Triton does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import structlog

from amira_core.errors import EncoderLostError, InternalError
from amira_decoder.encoder.in_process import InProcessEncoder
from amira_encoder.errors import EncoderModelError
from tests.support.batches import batch, windows


async def test_steps_with_the_bundled_model(model_dir: Path) -> None:
    encoder = InProcessEncoder(model_dir, 2, "onnxruntime")
    assert not await encoder.ready()
    with structlog.testing.capture_logs() as logs:
        geometry = await encoder.connect()
    assert [entry["engine"] for entry in logs if entry["event"] == "encoder_in_process"] == [encoder.engine]
    assert await encoder.ready()
    features = windows(geometry, 2)
    output = await encoder.step(batch(features, [0, 1], [5, 5], True))
    assert output.frames.shape == (2, geometry.output_frames, geometry.output_dim)
    assert output.accepted.all()
    assert np.isfinite(output.frames).all()
    assert not (await encoder.step(batch(features, [0, 1], [6, 4], False))).accepted.any()
    with pytest.raises(InternalError):
        await encoder.step(batch(features[:, 1:], [0, 1], [5, 5], False))
    assert (await encoder.step(batch(features, [0, 1], [5, 5], False))).accepted.all()
    await encoder.close()
    await encoder.close()
    assert not await encoder.ready()
    with pytest.raises(EncoderLostError):
        await encoder.step(batch(features, [0, 1], [5, 5], False))


async def test_the_event_loop_runs_on_during_a_step(model_dir: Path) -> None:
    encoder = InProcessEncoder(model_dir, 8, "onnxruntime", threads=1)
    geometry = await encoder.connect()
    step = asyncio.create_task(encoder.step(batch(windows(geometry, 8), range(8), [1] * 8, True)))
    turns = 0
    while not step.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    await encoder.close()


async def test_closing_waits_for_a_running_step(model_dir: Path) -> None:
    encoder = InProcessEncoder(model_dir, 4, "onnxruntime")
    geometry = await encoder.connect()
    step = asyncio.create_task(encoder.step(batch(windows(geometry, 4), range(4), [1] * 4, True)))
    await asyncio.sleep(0)
    await encoder.close()
    assert (await step).accepted.all()


async def test_a_missing_model(tmp_path: Path) -> None:
    encoder = InProcessEncoder(tmp_path, 1)
    with pytest.raises(EncoderModelError, match="no encoder"):
        await encoder.connect()
    await encoder.close()
