"""The commands that time encoder and searches run, and measure the model they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amira_decoder.search.factory import available_methods
from benchmarks.clips import windows_of_clips
from benchmarks.stages import encoder, search
from tests.support.geometry import chunk_ms, geometry_of


def test_encoder_steps_are_timed(model_dir: Path) -> None:
    figures = encoder.measure_engine("onnxruntime f32", model_dir, [1, 2], rounds=2)
    assert figures["engine"] == "onnxruntime f32"
    assert figures["chunk_ms"] == chunk_ms(geometry_of(model_dir))
    assert figures["step_ms"].keys() == {"1", "2"}
    assert all(step > 0 for step in figures["step_ms"].values())


def test_searches_are_timed(model_dir: Path) -> None:
    figures = search.measure(model_dir, [1, 2], rounds=2)
    assert figures["frames_per_chunk"] == geometry_of(model_dir).output_frames
    assert figures["cpu_ms_per_chunk"].keys() == set(available_methods())
    for by_streams in figures["cpu_ms_per_chunk"].values():
        assert by_streams.keys() == {"1", "2"}
        assert all(chunk >= 0 for chunk in by_streams.values())


def test_windows_go_on_where_the_last_chunk_ended(model_dir: Path) -> None:
    geometry = geometry_of(model_dir)
    first, second = windows_of_clips(geometry, 3, 2)
    assert first.shape == second.shape == (3, geometry.window_frames, geometry.feature_dim)
    overlap = geometry.window_frames - geometry.chunk_frames
    np.testing.assert_array_equal(first[:, geometry.chunk_frames :], second[:, :overlap])
    assert not np.array_equal(first[0], first[1])
