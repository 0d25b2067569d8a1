"""SpecAugment (Park et al. 2019): bands of frequencies and stretches of time that are hidden."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from amira_training.settings import AugmentationSettings

Mask: TypeAlias = NDArray[np.bool_]
_FRAMES_PER_S = 100


class Masks(NamedTuple):
    """True where features are hidden: ``bins [80]``, ``frames [F]``."""

    bins: Mask
    frames: Mask


def draw_masks(bins: int, frames: int, settings: AugmentationSettings, rng: np.random.Generator) -> Masks:
    """Masks for an utterance of ``frames`` frames of 10 ms; how much is hidden is drawn for each."""
    share = rng.random()
    hidden_bins = np.zeros(bins, np.bool_)
    for _ in range(settings.frequency_masks):
        _hide(hidden_bins, share * settings.frequency_mask_bins, rng)
    hidden_frames = np.zeros(frames, np.bool_)
    for _ in range(max(1, int(frames / _FRAMES_PER_S * settings.time_masks_per_s * share))):
        _hide(hidden_frames, share * settings.time_mask_frames, rng)
    return Masks(hidden_bins, hidden_frames)


def _hide(mask: Mask, below: float, rng: np.random.Generator) -> None:
    width = int(rng.uniform(0, below))
    start = int(rng.integers(0, max(1, len(mask) - width)))
    mask[start : start + width] = True
