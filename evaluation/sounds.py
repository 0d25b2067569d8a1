"""Sounds without a word in them, made by code: the same on every machine.

Ten kinds, each at several levels. None of them imitates voices: a recognizer that writes words here
has made them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from evaluation.items import Item

RATE_HZ = 16_000
LEVELS_DBFS = (-50, -32, -18, -4)
"""Peaks of a kind's clips, below full scale."""
_SILENCE_OFFSET_DB = -32
"""Silence is a room without sound: the same clips far quieter."""

Samples = NDArray[np.float64]


def make_sounds(seconds: float) -> Iterator[Item]:
    """One clip of each kind at each level, each `seconds` long."""
    count = round(seconds * RATE_HZ)
    for number, (kind, make) in enumerate(KINDS.items()):
        for index, level_dbfs in enumerate(LEVELS_DBFS):
            raw = make(count, np.random.default_rng([number, index]))
            peak = float(np.abs(raw).max(initial=0.0))
            quieter_db = _SILENCE_OFFSET_DB if kind == "silence" else 0
            gain = 10 ** ((level_dbfs + quieter_db) / 20) / peak if peak else 0.0
            samples = np.round(32767 * gain * raw).astype(np.int16)
            yield Item(f"{kind} {level_dbfs} dB", kind, samples, "", seconds, RATE_HZ)


def _noise(count: int, rng: np.random.Generator, slope: float) -> Samples:
    """Noise whose power falls with frequency to the power of `slope` (0 white, 1 pink, 2 brown)."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    return np.fft.irfft(spectrum / np.maximum(hertz, 20.0) ** (slope / 2), count)


def _hum(count: int, rng: np.random.Generator) -> Samples:
    """Mains hum with its overtones, drifting slowly in strength, and a little hiss."""
    t = np.arange(count) / RATE_HZ
    mains_hz = float(rng.choice([50.0, 60.0]))
    tones = sum(
        np.sin(2 * np.pi * mains_hz * k * t + rng.uniform(0, 6)) / k ** rng.uniform(0.6, 1.6)
        for k in range(1, 12)
    )
    drift = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.05, 0.4) * t)
    return np.asarray(tones * drift + 0.02 * rng.standard_normal(count))


def _clicks(count: int, rng: np.random.Generator) -> Samples:
    """Short knocks and key strokes at irregular times."""
    out = 1e-4 * rng.standard_normal(count)
    for start in np.flatnonzero(rng.random(count) < rng.uniform(2, 8) / RATE_HZ):
        length = int(rng.uniform(0.002, 0.03) * RATE_HZ)
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.2 * length))
        _mix(out, int(start), burst * rng.uniform(0.2, 1))
    return out


_SCALE = (0, 2, 3, 5, 7, 8, 10, 12)


def _note(seconds: float, hertz: float, attack_s: float, decay_s: float, overtones: int) -> Samples:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    vibrato = 0.004 * np.sin(2 * np.pi * 5 * t)
    tone = sum(np.sin(2 * np.pi * hertz * k * (t + vibrato / hertz)) / k for k in range(1, overtones + 1))
    envelope = np.minimum(1, t / attack_s) * np.exp(-t / decay_s) * np.minimum(1, (seconds - t) / 0.02)
    return np.asarray(tone * envelope)


def _pitch(root_hz: float, half_tones: int) -> float:
    return float(root_hz * 2 ** (half_tones / 12))


def _chords(count: int, rng: np.random.Generator) -> Samples:
    """Slow triads, as of an organ or strings."""
    out, start, root_hz = np.zeros(count), 0, rng.uniform(98, 220)
    while start < count:
        seconds, degree = rng.uniform(0.8, 2.5), int(rng.integers(5))
        for step in (0, 2, 4):
            half_tones = _SCALE[(degree + step) % 7] + 12 * ((degree + step) // 7)
            _mix(out, start, _note(seconds, _pitch(root_hz, half_tones), 0.08, 4.0, 6))
        start += int(0.95 * seconds * RATE_HZ)
    return out


def _arpeggios(count: int, rng: np.random.Generator) -> Samples:
    """Broken chords, as of a plucked string."""
    out, start, root_hz = np.zeros(count), 0, rng.uniform(130, 330)
    step_s, degree = rng.uniform(0.12, 0.25), 0
    while start < count:
        degree = (degree + int(rng.choice([2, 2, 3, -3, 1]))) % 14
        half_tones = _SCALE[degree % 7] + 12 * (degree // 7)
        _mix(out, start, _note(0.6, _pitch(root_hz, half_tones), 0.004, 0.18, 10) * rng.uniform(0.5, 1))
        start += int(step_s * RATE_HZ)
    return out


def _drums(count: int, rng: np.random.Generator) -> Samples:
    """Bass drum, snare and hi-hat in eighths."""
    out, step = np.zeros(count), int(30 / rng.uniform(80, 150) * RATE_HZ)
    for beat, start in enumerate(range(0, count, step)):
        t = np.arange(int(0.18 * RATE_HZ)) / RATE_HZ
        hiss = rng.standard_normal(t.size)
        _mix(out, start, 0.2 * np.diff(hiss, prepend=0) * np.exp(-t / 0.02))
        if beat % 4 == 0 or rng.random() < 0.1:
            _mix(out, start, np.sin(2 * np.pi * (45 * t - 2.2 * np.exp(-t / 0.03))) * np.exp(-t / 0.07))
        if beat % 4 == 2:
            _mix(out, start, (0.4 * hiss + 0.5 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.05))
    return out


def _mix(out: Samples, start: int, sound: Samples) -> None:
    end = min(start + sound.size, out.size)
    out[start:end] += sound[: end - start]


KINDS: dict[str, Callable[[int, np.random.Generator], Samples]] = {
    "silence": lambda count, rng: _noise(count, rng, 1.5),
    "digital zero": lambda count, rng: np.zeros(count),
    "white noise": lambda count, rng: _noise(count, rng, 0),
    "pink noise": lambda count, rng: _noise(count, rng, 1),
    "brown noise": lambda count, rng: _noise(count, rng, 2),
    "hum": _hum,
    "clicks": _clicks,
    "chords": _chords,
    "arpeggios": _arpeggios,
    "drums": _drums,
}
"""All kinds, by name."""
