"""The disturbances in the order in which life applies them, each with its chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amira_training.augment.channel import equalizer, hiss, reverb, telephone, to_peak
from amira_training.augment.noise import Speech, add_noise, any_noise
from amira_training.data.audio import RATE_HZ, Samples
from amira_training.settings import AugmentationSettings


@dataclass(frozen=True)
class Disturber:
    """Disturbs recordings; all randomness comes from the generator that each call is given."""

    settings: AugmentationSettings
    speech: Speech

    def disturb(self, clean: Samples, rng: np.random.Generator) -> Samples:
        """A recording as it could have come in: the same length, another room, noise, level."""
        settings = self.settings
        samples = clean
        if self._happens(settings.reverb, rng):
            samples = reverb(samples, rng)
        if self._happens(settings.equalizer, rng):
            samples = equalizer(samples, rng)
        if self._happens(settings.noise, rng):
            noise = any_noise(len(samples), rng, self.speech)
            samples = add_noise(samples, noise, rng.uniform(*settings.noise_snr_db))
        if self._happens(settings.telephone, rng):
            samples = telephone(samples)
        return hiss(to_peak(samples, rng.uniform(settings.quietest_peak_db, 0)), rng)

    def draw_speed(self, rng: np.random.Generator) -> float:
        """A speed for :func:`~amira_training.augment.channel.change_speed`; often 1."""
        return _factor(self.settings.speed, self.settings.speed_range, rng)

    def draw_vocal_tract(self, rng: np.random.Generator) -> float:
        """A factor for :func:`~amira_training.augment.vocal_tract.warping`; sometimes 1."""
        return _factor(self.settings.vocal_tract, self.settings.vocal_tract_range, rng)

    def noise_only(self, rng: np.random.Generator) -> Samples:
        """Two to eight seconds in which nobody says a word, sometimes perfectly silent but for hiss."""
        samples = int(RATE_HZ * rng.uniform(2, 8))
        noise = any_noise(samples, rng, self.speech) if rng.random() < 0.7 else np.zeros(samples, np.float32)
        return hiss(to_peak(noise, rng.uniform(-50, 0)), rng)

    def _happens(self, chance: float, rng: np.random.Generator) -> bool:
        return bool(rng.random() < chance * self.settings.strength)


def _factor(chance: float, among: tuple[float, float], rng: np.random.Generator) -> float:
    return float(rng.uniform(*among)) if rng.random() < chance else 1.0
