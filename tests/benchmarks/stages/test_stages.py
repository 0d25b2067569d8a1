"""The other stages run, and their figures hold together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amira_triton.layout import TritonInstallationError, default_cache_dir, prepare_layout
from benchmarks.stages import fbank, kernels, triton

ROOT = Path(__file__).resolve().parents[3]


def test_kernels_agree_with_numpy_and_are_timed(model_dir: Path) -> None:
    rows = kernels.measure(model_dir, rounds=3)["results"]
    assert len(rows) == 6
    assert all(row["us"] > 0 and row["numpy_us"] > 0 for row in rows)


def test_kernels_that_disagree_are_not_timed() -> None:
    with pytest.raises(AssertionError):
        kernels.compare("wrong", lambda: np.ones(3), lambda: np.zeros(3), 1, 12)


def test_features_are_timed_and_equal() -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    row = fbank.compare(samples, 100, rounds=2)
    assert row["pieces"] == "100 ms"
    assert row["largest_difference"] < 1e-3
    assert row["us_per_frame"]["amira"] > 0


@pytest.mark.slow
async def test_the_slot_table_and_the_sequence_batcher_run_in_a_real_triton(model_dir: Path) -> None:
    try:
        prepare_layout(default_cache_dir(), ROOT / "deploy" / "triton")
    except TritonInstallationError as error:
        pytest.skip(str(error))
    figures = await triton.measure(model_dir, [1, 2], rounds=2)
    assert figures["empty_request_ms"] > 0
    assert set(figures["results"]) == {"in process", "slot table in Triton", "sequence batcher"}
    for way, by_streams in figures["results"].items():
        for one in by_streams.values():
            assert one["round_ms"] > 0
            assert (one["server_cpu_ms_per_chunk"] is None) == (way == "in process")
