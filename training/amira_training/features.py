"""Log-mel features in torch, equal to kaldi's and so to what Amira's frontend computes.

80 bins from 20 to 7600 Hz, frames of 25 ms every 10 ms centred on multiples of 10 ms plus 5
(``snip_edges=false``), no dither, samples in [-1, 1], natural logarithm.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amira_training.model.geometry import FBANK_BINS

FRAME_SAMPLES = 400
SHIFT_SAMPLES = 160
_FFT_SAMPLES = 512
_BEFORE_FIRST = (FRAME_SAMPLES - SHIFT_SAMPLES) // 2  # samples by which the first frame starts early
_PREEMPHASIS = 0.97
_POVEY_POWER = 0.85
_LOWEST_HZ, HIGHEST_HZ = 20.0, 7600.0
_RATE_HZ = 16000
_FLOOR = float(np.finfo(np.float32).eps)


class Fbank(nn.Module):
    """``[N, S]`` samples -> ``[N, F, 80]`` with F = :func:`frame_count` of S; always in float32."""

    window: Tensor
    mel: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(FRAME_SAMPLES, periodic=False, dtype=torch.float64) ** _POVEY_POWER
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("mel", torch.from_numpy(_mel_filters()).float(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """All frames; the signal is mirrored at both ends, as kaldi does."""
        frames = frame_count(samples.shape[1])
        if not frames:
            return samples.new_zeros(samples.shape[0], 0, FBANK_BINS)
        with torch.autocast(samples.device.type, enabled=False):
            cut = _mirrored(samples.float(), frames).unfold(1, FRAME_SAMPLES, SHIFT_SAMPLES)
            cut = cut - cut.mean(-1, keepdim=True)
            previous = torch.cat((cut[..., :1], cut[..., :-1]), -1)
            windowed = (cut - _PREEMPHASIS * previous) * self.window
            power = torch.fft.rfft(windowed, _FFT_SAMPLES).abs() ** 2
            return (power @ self.mel).clamp(min=_FLOOR).log()


def frame_count(samples: int) -> int:
    """Frames of so many samples: one per 160, rounded."""
    return (samples + SHIFT_SAMPLES // 2) // SHIFT_SAMPLES


def _mirrored(samples: Tensor, frames: int) -> Tensor:
    count = samples.shape[1]
    wanted = torch.arange((frames - 1) * SHIFT_SAMPLES + FRAME_SAMPLES, device=samples.device) - _BEFORE_FIRST
    around = torch.remainder(wanted, 2 * count)  # to and fro, as often as a short signal needs
    return samples[:, torch.where(around < count, around, 2 * count - 1 - around)]


def _mel_filters() -> NDArray[np.float64]:
    """Triangles, evenly spaced in mel: ``[257, 80]``; the bin at half the sample rate is not used."""
    edges = bin_edges()
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = mel(np.arange(_FFT_SAMPLES // 2 + 1) * _RATE_HZ / _FFT_SAMPLES)[:, None]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    triangles[-1] = 0
    return np.asarray(np.maximum(triangles, 0), np.float64)


def bin_edges() -> NDArray[np.float64]:
    """In mel, ``[82]``: bin k rises from the k-th and falls to the one after next."""
    return np.linspace(mel(_LOWEST_HZ), mel(HIGHEST_HZ), FBANK_BINS + 2)


def mel(hz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """kaldi's scale, natural logarithm."""
    return np.asarray(1127 * np.log1p(np.asarray(hz) / 700), np.float64)
