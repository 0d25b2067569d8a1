"""How a command is said: one synthetic voice, made different, and voices of another make.

The model was trained on the first, among others; those of espeak-ng, where it is installed, are new to it and
robotic.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr
from hibari import SAMPLE_RATE, Hibari
from numpy.typing import NDArray

RATE_HZ = SAMPLE_RATE
_BEFORE_S, _AFTER_S = 0.4, 1.5
_SEED = 0
_ESPEAK_RATE_HZ, _WAV_HEADER_BYTES = 22_050, 44

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Condition:
    """One way to say things."""

    name: str
    say: Callable[[Hibari, str], Samples]
    noise_db: float = -60.0
    """Pink noise, against the speech."""

    def audio(self, voice: Hibari, text: str) -> bytes:
        """PCM of 16 bits at RATE_HZ, the same for the same text."""
        speech = self.say(voice, text)
        speech = speech / max(1e-6, float(np.abs(speech).max())) * 0.5
        samples = np.concatenate([_silence(_BEFORE_S), speech, _silence(_AFTER_S)])
        level = float(np.sqrt(np.mean(speech**2))) * 10 ** (self.noise_db / 20)
        noisy = samples + level * _pink(samples.size)
        pcm: NDArray[np.int16] = np.round(32767 * np.clip(noisy, -1, 1)).astype("<i2")
        return pcm.tobytes()


def _silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def _pink(count: int) -> Samples:
    """Of power 1: as loud in every octave, as rooms are."""
    spectrum = np.fft.rfft(np.random.default_rng(_SEED).standard_normal(count))
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    noise = np.fft.irfft(spectrum, count)
    even: Samples = (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return even


def _plain(voice: Hibari, text: str) -> Samples:
    samples: Samples = voice(text, seed=_SEED)
    return samples


def _fast(voice: Hibari, text: str) -> Samples:
    samples: Samples = voice(text, speed=1.3, seed=_SEED)
    return samples


def _shifted(factor: float) -> Callable[[Hibari, str], Samples]:
    """A voice of another size: all frequencies times `factor`, at the same tempo."""

    def say(voice: Hibari, text: str) -> Samples:
        samples: Samples = soxr.resample(voice(text, speed=1 / factor, seed=_SEED), RATE_HZ * factor, RATE_HZ)
        return samples

    return say


CONDITIONS = (
    Condition("as it speaks", _plain),
    Condition("30 % faster", _fast),
    Condition("a lower voice (-18 %)", _shifted(0.82)),
    Condition("a higher voice (+18 %)", _shifted(1.18)),
    Condition("pink noise, 10 dB below", _plain, noise_db=-10.0),
    Condition("lower, in that noise", _shifted(0.82), noise_db=-10.0),
)


def unfamiliar() -> tuple[Condition, ...]:
    """Voices of espeak-ng; none where it is not installed."""
    program = shutil.which("espeak-ng")
    voices = ("en-us", "en-us+f3", "en-gb") if program else ()
    return tuple(Condition(f"espeak-ng, {voice}", _espeak(str(program), voice)) for voice in voices)


def _espeak(program: str, voice: str) -> Callable[[Hibari, str], Samples]:
    def say(_: Hibari, text: str) -> Samples:
        command = [program, "-v", voice, "-s", "150", "--stdout", text]
        wav = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        samples = np.frombuffer(wav[_WAV_HEADER_BYTES:], "<i2").astype(np.float32) / 32768
        spoken: Samples = soxr.resample(samples, _ESPEAK_RATE_HZ, RATE_HZ)
        return spoken

    return say
