"""What lies between a mouth and the samples: room, microphone, telephone, level, pace."""

from __future__ import annotations

import numpy as np

from amira_training.augment.spectrum import fast_length, frequencies_hz, shape
from amira_training.data.audio import RATE_HZ, Samples

_EQUALIZER_BANDS = 8
_TELEPHONE_HZ = (200.0, 3800.0)


def reverb(samples: Samples, rng: np.random.Generator) -> Samples:
    """An artificial room: the sound itself, then noise that dies away within 50 to 400 ms."""
    tail = int(RATE_HZ * rng.uniform(0.05, 0.4))
    response = rng.standard_normal(tail) * np.exp(-np.arange(tail) / (tail / 6)) * rng.uniform(0.02, 0.25)
    response[0] = 1
    length = fast_length(len(samples) + tail)
    wet = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(response, length), length)
    return wet[: len(samples)].astype(np.float32)


def equalizer(samples: Samples, rng: np.random.Generator) -> Samples:
    """Another microphone: eight points between -9 and +6 dB, straight lines between them."""
    hz = frequencies_hz(len(samples))
    points_hz = np.linspace(0, RATE_HZ / 2, _EQUALIZER_BANDS)
    gain_db = np.interp(hz, points_hz, rng.uniform(-9, 6, _EQUALIZER_BANDS))
    return shape(samples, 10 ** (gain_db / 20))


def telephone(samples: Samples) -> Samples:
    """Nothing below 200 or above 3800 Hz."""
    hz = frequencies_hz(len(samples))
    lowest_hz, highest_hz = _TELEPHONE_HZ
    return shape(samples, ((hz >= lowest_hz) & (hz <= highest_hz)).astype(np.float64))


def to_peak(samples: Samples, peak_db: float) -> Samples:
    """Scaled so that the loudest sample is at this level below full scale; silence stays silence."""
    peak = float(np.abs(samples).max(initial=0.0)) + 1e-6
    return (samples / peak * 10 ** (peak_db / 20)).astype(np.float32)


def hiss(samples: Samples, rng: np.random.Generator) -> Samples:
    """The recording with white noise of -66 to -100 dB: no recording is perfectly silent."""
    level = 10 ** -rng.uniform(3.3, 5)
    return samples + rng.standard_normal(len(samples)).astype(np.float32) * np.float32(level)


def change_speed(samples: Samples, speed: float) -> Samples:
    """Pace and pitch times ``speed``, by linear interpolation: ``[n]`` -> ``[n / speed]``."""
    if speed == 1:
        return samples
    positions = np.arange(int(len(samples) / speed)) * speed
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
