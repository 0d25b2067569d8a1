"""Real speech to measure with: the bundled clip, or a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

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


def repeated(clips: list[NDArray[np.int16]], seconds: float) -> NDArray[np.int16]:
    """The clips one after the other, again and again, for `seconds`."""
    wanted = int(seconds * SAMPLE_RATE_HZ)
    once = np.concatenate(clips)
    return np.resize(once, wanted)
