"""Real speech to measure with: the bundled clip, or a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira.frontend.v1 import frontend_pb2
from amira_encoder.geometry import EncoderGeometry
from amira_frontend.pipeline import FeatureStream

SAMPLE_RATE_HZ = 16_000
BUNDLED = Path(__file__).resolve().parent.parent / "demo" / "speech"


def load_clips(folder: Path | None = None) -> list[NDArray[np.int16]]:
    """All 16 kHz mono FLAC files below `folder` (default: the bundled clip), int16 [samples] each.

    Raises:
        SystemExit: there are none.
    """
    clips = []
    for path in sorted((folder or BUNDLED).rglob("*.flac")):
        samples, rate_hz = soundfile.read(path, dtype="int16")
        if rate_hz == SAMPLE_RATE_HZ and samples.ndim == 1:
            clips.append(samples)
    if not clips:
        raise SystemExit(f"no 16 kHz mono FLAC files below {folder or BUNDLED}")
    return clips


def windows_of_clips(geometry: EncoderGeometry, streams: int, chunks: int) -> list[NDArray[np.float32]]:
    """The bundled speech as encoder input: for each chunk float32 [streams, window, features].

    Streams are at different places of it.
    """
    frames_needed = geometry.window_frames + geometry.chunk_frames * chunks
    seconds = frames_needed / 100 + streams + 1
    frontend = FeatureStream(
        frontend_pb2.AudioFormat(
            encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=SAMPLE_RATE_HZ, channels=1
        )
    )
    features = frontend.accept(repeated(load_clips(), seconds).tobytes())
    starts = [100 * stream for stream in range(streams)]
    return [
        np.stack([features[start + at :][: geometry.window_frames] for start in starts])
        for at in range(0, geometry.chunk_frames * chunks, geometry.chunk_frames)
    ]


def repeated(clips: list[NDArray[np.int16]], seconds: float) -> NDArray[np.int16]:
    """The clips one after the other, again and again, for `seconds`."""
    wanted = int(seconds * SAMPLE_RATE_HZ)
    once = np.concatenate(clips)
    return np.resize(once, wanted)
