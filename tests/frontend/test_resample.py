"""Streaming resampling against soxr over the whole recording."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_frontend.resample import QUALITY, Resampler
from tests.frontend import audio

RATES = [8000, 11_025, 22_050, 24_000, 32_000, 44_100, 47_999, 48_000]


def resample(sound: audio.Float32s, rate: int, cuts: list[int]) -> audio.Float32s:
    resampler = Resampler(rate)
    pieces = [resampler.accept(piece).copy() for piece in np.split(sound, sorted(cuts))]
    return np.concatenate([*pieces, resampler.finish()])


@settings(deadline=None, max_examples=40)
@given(rate=st.sampled_from(RATES), count=st.integers(0, 20_000), data=st.data())
def test_same_as_in_one_go(rate: int, count: int, data: st.DataObject) -> None:
    sound = audio.voice_like(count, rate=rate)[:, 0]
    cuts = data.draw(st.lists(st.integers(0, count), max_size=20))
    whole = soxr.resample(sound, rate, 16_000, quality=QUALITY)
    np.testing.assert_allclose(resample(sound, rate, cuts), whole, atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_a_tone(rate: int) -> None:
    def tone(rate: int) -> audio.Float32s:
        return np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)

    resampled = resample(tone(rate), rate, [100, 101, 5000])
    assert len(resampled) == 16_000
    np.testing.assert_allclose(resampled[1000:-1000], tone(16_000)[1000:-1000], atol=1e-3)


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_nothing_folds_down_from_above(rate: int) -> None:
    tone = np.sin(2 * np.pi * 9500 * np.arange(rate) / rate).astype(np.float32)
    assert np.abs(resample(tone, rate, [])[1000:-1000]).max() < 1e-4


def test_sixteen_kilohertz_passes_untouched() -> None:
    sound = audio.voice_like(100)[:, 0]
    np.testing.assert_array_equal(resample(sound, 16_000, [3, 50]), sound)
