"""Features of recordings for tests of the decoder, by an independent implementation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import soundfile
from numpy.typing import NDArray


def fbank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """80-bin log-mel frames, float32 [frames, 80], of 16 kHz samples in [-1, 1]."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = -400
    online = kaldi_native_fbank.OnlineFbank(options)
    online.accept_waveform(16_000, samples.tolist())
    online.input_finished()
    frames = [online.get_frame(index) for index in range(online.num_frames_ready)]
    return np.array(frames, np.float32).reshape(-1, 80)


@cache
def fbank_of(path: Path) -> NDArray[np.float32]:
    """Frames of a 16 kHz mono file."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == 16_000
    return fbank(samples)
