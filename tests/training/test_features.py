"""Features equal kaldi's, whatever the length and level."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira_training.features import Fbank, frame_count

FBANK = Fbank()


def kaldi(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.frame_opts.samp_freq = 16000
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 7600
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(16000, samples.tolist())
    fbank.input_finished()
    return np.array([fbank.get_frame(index) for index in range(fbank.num_frames_ready)], np.float32)


def ours(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    features: NDArray[np.float32] = FBANK(torch.from_numpy(samples)[None])[0].numpy()
    return features


def assert_equal(features: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """To 1e-4 in the logarithm, but for bins far below the loudest: kaldi rounds its filters to float32."""
    assert features.shape == expected.shape
    found, amplitude = np.exp(features / 2), np.exp(expected / 2)
    rounding = 2e-5 * amplitude.max(1, keepdims=True)
    assert (np.abs(found - amplitude) <= 5e-5 * amplitude + rounding).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(400, 6000), st.integers(0, 2**31), st.sampled_from([1e-3, 0.1, 0.9]))
def test_equals_kaldi(length: int, seed: int, level: float) -> None:
    samples = np.random.default_rng(seed).standard_normal(length).astype(np.float32) * np.float32(level)
    assert_equal(ours(samples), kaldi(samples))


def test_equals_kaldi_on_a_chirp_with_pauses() -> None:
    time_s = np.arange(32000) / 16000
    samples = (0.3 * np.sin(2 * np.pi * (100 + 1800 * time_s) * time_s)).astype(np.float32)
    samples[10000:14000] = 0
    assert_equal(ours(samples), kaldi(samples))


@pytest.mark.parametrize("length", [0, 1, 79, 80, 100, 399])
def test_short_signals_have_kaldis_number_of_frames(length: int) -> None:
    features = ours(np.full(length, 0.1, np.float32))
    assert features.shape == (frame_count(length), 80)
    assert np.isfinite(features).all()


def test_bf16_autocast_changes_nothing() -> None:
    samples = torch.randn(1, 8000)
    with torch.autocast("cpu", torch.bfloat16):
        inside = FBANK(samples)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, FBANK(samples))
