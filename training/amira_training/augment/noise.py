"""Noise of every kind that needs no recordings of noise. All give ``[n]`` float32 of any level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from amira_training.augment.spectrum import fast_length
from amira_training.data.audio import RATE_HZ, Samples

Speech = Callable[[np.random.Generator], Samples]
"""Some recording of speech, for babble."""

_CHORD = (1.0, 1.26, 1.5)


def any_noise(samples: int, rng: np.random.Generator, speech: Speech) -> Samples:
    """One of the kinds below; half of the time the first."""
    kind = rng.integers(6)
    if kind < 3:
        return pink(samples, rng)
    if kind == 3:
        return music_like(samples, rng)
    if kind == 4:
        return hum(samples, rng) + 0.3 * pink(samples, rng)
    return babble(samples, rng, speech)


def pink(samples: int, rng: np.random.Generator) -> Samples:
    """Coloured noise; its amplitude falls with the frequency to the power of 0.2 to 1.1."""
    length = fast_length(samples)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    colour = (np.arange(len(spectrum)) + 1.0) ** -rng.uniform(0.2, 1.1)
    return np.fft.irfft(spectrum * colour, length)[:samples].astype(np.float32)


def hum(samples: int, rng: np.random.Generator) -> Samples:
    """Seven harmonics of mains, or of some machine."""
    time_s = np.arange(samples) / RATE_HZ
    base_hz = rng.choice([50.0, 60.0, 100.0, 120.0, rng.uniform(80, 1000)])
    tones = [
        np.sin(2 * np.pi * base_hz * number * time_s + rng.uniform(0, 2 * np.pi)) / number
        for number in range(1, 8)
    ]
    return np.sum(tones, 0).astype(np.float32)


def music_like(samples: int, rng: np.random.Generator) -> Samples:
    """Plucked major chords, one after the other."""
    played = np.zeros(samples, np.float32)
    start = 0
    while start < samples:
        end = min(samples, start + int(RATE_HZ * rng.uniform(0.15, 0.8)))
        played[start:end] = _chord(end - start, 110 * 2 ** (rng.integers(0, 36) / 12), rng)
        start = end
    return played


def babble(samples: int, rng: np.random.Generator, speech: Speech) -> Samples:
    """Three to seven people at once, from anywhere in their recordings, over and over."""
    mixed = np.zeros(samples, np.float32)
    for _ in range(rng.integers(3, 8)):
        voice = speech(rng)
        voice = voice / (voice.std() + 1e-4)
        mixed += np.roll(np.resize(voice, samples), int(rng.integers(samples))) if samples else 0
    return mixed


def add_noise(clean: Samples, noise: Samples, snr_db: float) -> Samples:
    """Speech with noise at a signal-to-noise ratio over the whole recording."""
    level = np.sqrt(np.mean(clean**2) + 1e-10) / (noise.std() + 1e-6) * 10 ** (-snr_db / 20)
    return (clean + noise * level).astype(np.float32)


def _chord(samples: int, base_hz: float, rng: np.random.Generator) -> Samples:
    time_s = np.arange(samples) / RATE_HZ
    tones = [
        np.sin(2 * np.pi * base_hz * interval * harmonic * time_s + rng.uniform(0, 2 * np.pi))
        / harmonic
        * np.exp(-time_s * rng.uniform(1, 6))
        for interval in _CHORD
        for harmonic in range(1, 6)
    ]
    return np.sum(tones, 0).astype(np.float32)
