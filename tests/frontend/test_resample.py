"""Streaming resampling: the same to the bit however it is cut and wherever it begins, and a good filter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from amira_frontend.resample.filters import design
from amira_frontend.resample.stream import Resampler
from tests.frontend import audio

RATES = [8000, 8001, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 47_999, 48_000]
"""8001 and 47999 have more phases than a table holds."""
SETTLED = 80
"""Outputs that a start in mid-stream has a part in: 5 ms."""
FULL_SCALE_ROUNDING = 2e-6


def resample(sound: audio.Float32s, rate: int, cuts: list[int] | None = None) -> audio.Float32s:
    resampler = Resampler(rate)
    pieces = [resampler.accept(piece).copy() for piece in np.split(sound, sorted(cuts or []))]
    return np.concatenate([*pieces, resampler.finish()])


def noise(count: int) -> audio.Float32s:
    """Nowhere silent and with all frequencies; float32 [count]."""
    return np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)


def tone(hz: float, rate: int, seconds: int = 1) -> audio.Float32s:
    return np.asarray(np.sin(2 * np.pi * hz * np.arange(seconds * rate) / rate), np.float32)


def level_db(sound: audio.Float32s) -> float:
    """Of a tone of amplitude 1: 0."""
    middle = sound[1600:-1600].astype(np.float64)
    return float(10 * np.log10(2 * np.mean(middle**2) + 1e-30))


def slow(sound: audio.Float32s, rate: int) -> NDArray[np.float64]:
    """The same filter from its formula, output by output, in float64 and without phases."""
    per_side = 40 * max(1, rate / 16_000)
    half = 8 * math.ceil(per_side / 8)
    cutoff = 0.97 * min(1, 16_000 / rate)
    padded = np.concatenate([np.zeros(half), sound, np.zeros(2 * half)])
    out = []
    for n in range((2 * len(sound) * 16_000 + rate) // (2 * rate)):
        base = n * rate // 16_000
        away = np.arange(base - half + 1, base + half + 1) - n * rate / 16_000
        window = np.i0(10.6 * np.sqrt(np.maximum(0, 1 - (away / half) ** 2)))
        weights = np.sinc(cutoff * away) * window
        out.append(weights @ padded[base + 1 : base + 2 * half + 1] / weights.sum())
    return np.asarray(out)


@settings(deadline=None, max_examples=100)
@given(rate=st.sampled_from(RATES) | st.integers(8000, 48_000), count=st.integers(0, 30_000), data=st.data())
def test_cuts_do_not_change_a_bit(rate: int, count: int, data: st.DataObject) -> None:
    sound = noise(count)
    cuts = data.draw(st.lists(st.integers(0, count), max_size=20))
    np.testing.assert_array_equal(resample(sound, rate, cuts), resample(sound, rate))


@pytest.mark.parametrize("rate", RATES)
def test_sample_by_sample(rate: int) -> None:
    sound = noise(3000)
    np.testing.assert_array_equal(resample(sound, rate, list(range(3000))), resample(sound, rate))


@settings(deadline=None, max_examples=60)
@given(
    rate=st.sampled_from(RATES) | st.integers(8000, 48_000),
    start=st.integers(1, 3),
    rest=st.integers(0, 9000),
    data=st.data(),
)
def test_a_start_at_any_whole_second_does_not_change_a_bit(
    rate: int, start: int, rest: int, data: st.DataObject
) -> None:
    sound = noise(start * rate + rest)
    cuts = data.draw(st.lists(st.integers(0, rest), max_size=10))
    whole = resample(sound, rate)[16_000 * start :]
    later = resample(sound[start * rate :], rate, cuts)
    assert len(later) == len(whole)
    np.testing.assert_array_equal(later[SETTLED:], whole[SETTLED:])


@pytest.mark.parametrize("offset", range(1, 17))
def test_where_the_input_lies_in_memory_does_not_change_a_bit(offset: int) -> None:
    sound = noise(5000)
    moved = np.empty(5000 + offset, np.float32)[offset:]
    moved[:] = sound
    np.testing.assert_array_equal(resample(moved, 44_100), resample(sound, 44_100))


@pytest.mark.parametrize("rate", RATES)
def test_against_the_formula(rate: int) -> None:
    sound = noise(2000)
    # Between the phases of a table the coefficients are 105 dB true, of noise at full scale.
    tolerance = FULL_SCALE_ROUNDING if design(rate).phases == design(rate).up else 2e-5
    np.testing.assert_allclose(resample(sound, rate), slow(sound, rate), rtol=0, atol=tolerance)


@pytest.mark.parametrize("rate", RATES)
def test_speech_is_what_soxr_makes_of_it(rate: int) -> None:
    sound = audio.voice_like(2 * rate, rate=rate)[:, 0]
    sound = soxr.resample(soxr.resample(sound, rate, 6000), 6000, rate)  # nothing where the filters differ
    ours, theirs = resample(sound, rate), soxr.resample(sound, rate, 16_000, quality="VHQ")
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9])
def test_the_pass_band_is_flat_and_nothing_else_sounds(rate: int, share: float) -> None:
    hz = share * min(rate, 16_000) / 2
    ours = resample(tone(hz, rate), rate)
    assert abs(level_db(ours)) < 0.1
    if share <= 0.8:  # the same tone at the same time: no shift, no images, no hum of phases
        assert level_db(ours - tone(hz, 16_000)) < -95


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate > 17_500])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_nothing_folds_down_from_above(rate: int, share: float) -> None:
    hz = 8450 + share * (rate / 2 - 8450)
    assert level_db(resample(tone(hz, rate), rate)) < -98


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate < 16_000])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.85, 0.93])
def test_no_images_above_the_input_s_band(rate: int, share: float) -> None:
    ours = resample(tone(share * rate / 2, rate, 2), rate).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(ours[8000:24_000] * np.kaiser(16_000, 20)))
    above = spectrum[math.ceil(1.055 * rate / 2) :]  # bins are 1 Hz wide
    assert 20 * np.log10(above.max() / spectrum.max()) < -98


@pytest.mark.parametrize("rate", RATES)
def test_a_click_stays_in_its_place(rate: int) -> None:
    sound = np.zeros(rate, np.float32)
    at = rate // 4  # 0.25 s, output 4000
    sound[at] = 1
    ours = resample(sound, rate)
    place = at / rate * 16_000
    assert np.argmax(ours) in {math.floor(place), math.ceil(place)}
    around = round(place) + np.arange(-30, 31)
    if rate % 4 == 0:
        np.testing.assert_allclose(ours[around], ours[around][::-1], atol=1e-7)  # as long before as after


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 39, 40, 41, 119, 120, 8191, 8192, 8193, 70_001])
def test_as_many_samples_as_soxr_gives(rate: int, count: int) -> None:
    assert len(resample(noise(count), rate)) == len(soxr.resample(noise(count), rate, 16_000))


@pytest.mark.parametrize("rate", RATES)
def test_no_more_is_held_back_than_the_filter_reaches(rate: int) -> None:
    given = Resampler(rate).accept(noise(rate))
    delay_ms = 5.01 if rate < 16_000 else 2.6
    assert len(given) >= 16_000 - 16 * delay_ms - 1


@pytest.mark.parametrize("rate", RATES)
def test_silence_and_constants_stay(rate: int) -> None:
    assert not resample(np.zeros(5000, np.float32), rate).any()
    constant = resample(np.ones(rate, np.float32), rate)[200:-200]
    np.testing.assert_allclose(constant, 1, rtol=0, atol=1e-6)


def test_tables_are_bounded() -> None:
    """The largest one: 640 phases and the longest filter, just below 48 kHz."""
    rates = [*range(8000, 48_001, 499), 47_975]
    assert max(design(rate).coefficients.nbytes for rate in rates) == 641 * 240 * 4


def test_sixteen_kilohertz_passes_untouched() -> None:
    sound = audio.voice_like(100)[:, 0]
    np.testing.assert_array_equal(resample(sound, 16_000, [3, 50]), sound)
