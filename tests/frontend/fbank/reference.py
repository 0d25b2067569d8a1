"""kaldi-native-fbank, set up as icefall and sherpa-onnx do: what our features must equal."""

from __future__ import annotations

import kaldi_native_fbank
import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-3
"""Required. Within 2e-5 in fact: see test_close_to_rounding."""


def online_fbank() -> kaldi_native_fbank.OnlineFbank:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = 16_000
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = -400
    return kaldi_native_fbank.OnlineFbank(options)


def kaldi_features(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of a whole recording, float32 [frames, 80]."""
    fbank = online_fbank()
    if len(samples):
        fbank.accept_waveform(16_000, samples.tolist())
    fbank.input_finished()
    frames = [fbank.get_frame(index) for index in range(fbank.num_frames_ready)]
    return np.stack(frames) if frames else np.empty((0, 80), np.float32)
