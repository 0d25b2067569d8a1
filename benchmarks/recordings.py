"""The speech that load tests play: recordings with what is said in them."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.clips import BUNDLED
from benchmarks.systems.base import SAMPLE_RATE_HZ
from evaluation.items import read_manifest

_ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("AMIRA_TEST_SPEECH", _ROOT.parent / "shared" / "speech"))
SOURCES = ("librispeech-test-other", "librispeech-train-clean-5")
SHORTEST_S, LONGEST_S = 3.0, 14.0
"""Longer ones would end too rarely within a level to measure how long a final takes."""


@dataclass(frozen=True)
class Recording:
    """16 kHz mono speech."""

    path: Path
    text: str
    seconds: float
    source: str


def pool(data: Path, count: int, seed: int = 1) -> list[Recording]:
    """A fixed sample of the dev recordings below `data`, or the bundled clip where there are none."""
    if not (data / "manifest.tsv").is_file():
        return [bundled()]
    found = [
        Recording(data / item.name, item.text, item.seconds, item.source)
        for item in read_manifest(data)
        if item.source in SOURCES and SHORTEST_S <= item.seconds <= LONGEST_S
    ]
    random.Random(seed).shuffle(found)  # noqa: S311 - a sample, not a secret
    return found[:count] or [bundled()]


def bundled() -> Recording:
    """The recording that comes with the project."""
    [path] = BUNDLED.glob("*.flac")
    text = " ".join(path.with_suffix(".txt").read_text().split())
    return Recording(path, text, soundfile.info(path).duration, "bundled")


def load(path: Path) -> NDArray[np.int16]:
    """Samples of a 16 kHz mono file. Raises ValueError when it is none."""
    samples, rate_hz = soundfile.read(path, dtype="int16")
    if rate_hz != SAMPLE_RATE_HZ or samples.ndim != 1:
        raise ValueError(f"{path} is not 16 kHz mono")
    return samples  # type: ignore[no-any-return]  # soundfile has no types


def describe(recordings: Sequence[Recording]) -> dict[str, object]:
    """What was played, for results."""
    return {
        "recordings": len(recordings),
        "seconds": round(sum(recording.seconds for recording in recordings), 1),
        "words": sum(len(recording.text.split()) for recording in recordings),
        "sources": sorted({recording.source for recording in recordings}),
    }
