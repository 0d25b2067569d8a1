"""Disturbances keep the length, repeat with their generator, and do what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira_training.augment.chain import Disturber
from amira_training.augment.channel import change_speed, equalizer, hiss, reverb, telephone, to_peak
from amira_training.augment.noise import add_noise, any_noise, babble, hum, music_like, pink
from amira_training.augment.spec_augment import draw_masks
from amira_training.augment.vocal_tract import warping
from amira_training.features import Fbank
from amira_training.settings import AugmentationSettings

Samples = NDArray[np.float32]
ALWAYS = AugmentationSettings(strength=1, reverb=1, equalizer=1, noise=1, telephone=1, speed=1, vocal_tract=1)
NEVER = AugmentationSettings(strength=0, speed=0, vocal_tract=0)


def speech(rng: np.random.Generator) -> Samples:
    return (0.1 * rng.standard_normal(5000)).astype(np.float32)


def sine(hz: float, samples: int = 16000) -> Samples:
    return np.sin(2 * np.pi * hz * np.arange(samples) / 16000).astype(np.float32)


Effect = Callable[[Samples, np.random.Generator], Samples]
EFFECTS: list[Effect] = [
    reverb,
    equalizer,
    hiss,
    lambda samples, rng: telephone(samples),
    lambda samples, rng: to_peak(samples, -6),
    lambda samples, rng: add_noise(samples, pink(len(samples), rng), 10),
    lambda samples, rng: Disturber(ALWAYS, speech).disturb(samples, rng),
]
NOISES = [
    pink,
    hum,
    music_like,
    lambda n, rng: babble(n, rng, speech),
    lambda n, rng: any_noise(n, rng, speech),
]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("length", [1, 7, 160, 8191, 8192, 20001])
def test_length_type_and_repetition(effect: Effect, length: int) -> None:
    clean = np.random.default_rng(0).uniform(-1, 1, length).astype(np.float32)
    kept = clean.copy()
    first, second = (effect(clean, np.random.default_rng(5)) for _ in range(2))
    assert first.shape == (length,)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(clean, kept)


@pytest.mark.parametrize("effect", EFFECTS)
def test_silence_stays_finite(effect: Effect) -> None:
    disturbed = effect(np.zeros(4000, np.float32), np.random.default_rng(1))
    assert np.isfinite(disturbed).all()
    assert np.abs(disturbed).max() <= 1.1


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("length", [1, 100, 30000])
def test_noise_of_any_length(noise: Callable[[int, np.random.Generator], Samples], length: int) -> None:
    for seed in range(6):
        made = noise(length, np.random.default_rng(seed))
        assert made.shape == (length,)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()


@given(st.floats(-5, 30), st.integers(0, 100))
def test_noise_has_the_level_asked_for(snr_db: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean = sine(440)
    added = add_noise(clean, 30 * pink(16000, rng), snr_db) - clean
    # its mean does not count: noise has none, and a short stretch of pink noise hardly any
    assert 10 * np.log10(np.mean(clean**2) / added.std() ** 2) == pytest.approx(snr_db, abs=0.1)


def test_pink_noise_falls_with_frequency() -> None:
    power = np.abs(np.fft.rfft(pink(65536, np.random.default_rng(0)))) ** 2
    assert power[1:3000].mean() > 2 * power[15000:].mean()


@pytest.mark.parametrize(
    ("hz", "passes"), [(100, False), (300, True), (1000, True), (3500, True), (4500, False)]
)
def test_a_telephone_cuts_both_ends(hz: float, passes: bool) -> None:
    power = telephone(sine(hz)).std() / sine(hz).std()
    assert power > 0.95 if passes else power < 0.1


def test_peaks_come_to_the_level() -> None:
    assert np.abs(to_peak(0.3 * sine(440), -20)).max() == pytest.approx(0.1, rel=1e-3)


def test_speed_changes_length_and_pitch() -> None:
    faster = change_speed(sine(500), 1.25)
    assert len(faster) == 12800
    assert np.argmax(np.abs(np.fft.rfft(faster))) * 16000 / len(faster) == pytest.approx(625, abs=2)
    assert change_speed(faster, 1) is faster


def test_a_room_rings_on() -> None:
    click = np.zeros(16000, np.float32)
    click[100] = 1
    wet = reverb(click, np.random.default_rng(0))
    assert wet[100] == pytest.approx(1, abs=1e-3)
    assert np.abs(wet[:100]).max() < 1e-5
    assert 0 < np.abs(wet[101:600]).max() < 1


def test_strength_zero_is_level_and_hiss_only() -> None:
    clean = 0.2 * sine(440)
    disturbed = Disturber(NEVER, speech).disturb(clean, np.random.default_rng(3))
    scale = np.dot(disturbed, clean) / np.dot(clean, clean)
    assert np.abs(disturbed - scale * clean).max() < 5e-3
    assert Disturber(NEVER, speech).draw_speed(np.random.default_rng(0)) == 1


def test_speeds_are_in_range() -> None:
    rng = np.random.default_rng(0)
    speeds = [Disturber(ALWAYS, speech).draw_speed(rng) for _ in range(200)]
    low, high = ALWAYS.speed_range
    assert low <= min(speeds) < 1 < max(speeds) <= high


def test_vocal_tracts_are_in_range() -> None:
    rng = np.random.default_rng(0)
    factors = [Disturber(ALWAYS, speech).draw_vocal_tract(rng) for _ in range(200)]
    low, high = ALWAYS.vocal_tract_range
    assert low <= min(factors) < 1 < max(factors) <= high
    assert Disturber(NEVER, speech).draw_vocal_tract(rng) == 1


@pytest.mark.parametrize("factor", [0.87, 1.0, 1.15])
def test_a_vocal_tract_moves_every_tone_by_its_factor(factor: float) -> None:
    def loudest(hz: float, warp: float) -> int:
        features = Fbank()(torch.from_numpy(sine(hz))[None]) @ torch.from_numpy(warping(np.array([warp])))
        return int(features[0, 50].argmax())

    for hz in (400.0, 1000.0, 2500.0, 3600.0):
        assert loudest(hz * factor, factor) == pytest.approx(loudest(hz, 1.0), abs=1)


@given(st.floats(0.7, 1.4))
def test_a_vocal_tract_keeps_levels_and_order(factor: float) -> None:
    (matrix,) = warping(np.array([factor]))
    np.testing.assert_allclose(matrix.sum(0), 1, atol=1e-5)
    source = np.arange(80) @ matrix
    assert (np.diff(source) >= -1e-4).all()
    assert source[-1] <= 79


def test_a_vocal_tract_of_length_one_changes_nothing() -> None:
    np.testing.assert_allclose(warping(np.array([1.0, 1.0])), np.stack([np.eye(80)] * 2), atol=1e-5)


def test_noise_only_lasts_two_to_eight_seconds() -> None:
    disturber = Disturber(AugmentationSettings(), speech)
    for seed in range(20):
        noise = disturber.noise_only(np.random.default_rng(seed))
        assert 2 <= len(noise) / 16000 <= 8
        assert 0 < np.abs(noise).max() <= 1.01


@given(st.integers(0, 2000), st.integers(0, 500))
def test_masks_hide_no_more_than_they_may(frames: int, seed: int) -> None:
    settings = AugmentationSettings()
    masks = draw_masks(80, frames, settings, np.random.default_rng(seed))
    assert masks.bins.shape == (80,)
    assert masks.frames.shape == (frames,)
    assert masks.bins.sum() <= settings.frequency_masks * (settings.frequency_mask_bins - 1)
    most = max(1, int(frames * 0.01 * settings.time_masks_per_s)) * (settings.time_mask_frames - 1)
    assert masks.frames.sum() <= min(most, frames)
