"""What each stream says and does, fixed before the run: the disturbed run repeats the undisturbed one.

Real recordings, joined with pauses that sometimes end a segment and sometimes do not. Streams differ in
what a gateway must keep to replay them: plain PCM, PCM that is resampled, a format with a header, controls
in mid-stream.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from benchmarks.clips import load_clips
from evaluation.items import ManifestError, read_manifest

SAMPLE_RATE_HZ = 16_000
PIECE_MS = 100
_PAUSES_S = (0.3, 0.7, 1.5, 2.0)
_NOISE = 3
_MARK_EVERY_S = 5.0
_FLUSH_EVERY_S = 11.0

SHORT_S = 12.0

Clip = NDArray[np.int16]


@dataclass(frozen=True)
class Step:
    """One thing that a stream does."""

    due_s: float
    """From the beginning of the stream; audio is due when its last sample would have been spoken."""
    audio: bytes = b""
    mark: str = ""
    flush: bool = False


@dataclass(frozen=True)
class Script:
    """One stream."""

    name: str
    config: config_pb2.RecognitionConfig
    steps: Sequence[Step]
    begins_s: float = 0.0
    """When the stream begins, from the beginning of the run."""

    @property
    def ends_s(self) -> float:
        """When its audio ends, from the beginning of the run."""
        return self.begins_s + self.steps[-1].due_s

    @property
    def marks(self) -> list[str]:
        """Ids of the marks, in order."""
        return [step.mark for step in self.steps if step.mark]


@dataclass(frozen=True)
class Manner:
    """How a stream sends its audio."""

    name: str
    encoding: config_pb2.AudioEncoding = config_pb2.AUDIO_ENCODING_LINEAR16
    rate_hz: int = SAMPLE_RATE_HZ
    flushes: bool = False
    method: config_pb2.DecodingMethod = field(default=config_pb2.DECODING_METHOD_UNSPECIFIED)


MANNERS = (
    Manner("pcm"),
    Manner("flac", config_pb2.AUDIO_ENCODING_FLAC),
    Manner("8 kHz", rate_hz=8_000),
    Manner("flushed", flushes=True, method=config_pb2.DECODING_METHOD_BEAM),
)
"""Streams take turns at these."""


def find_clips(folder: Path) -> list[Clip]:
    """Recordings to speak with: of the manifest in `folder`, else the bundled one; int16 at 16 kHz each."""
    try:
        items = read_manifest(folder)
    except ManifestError:
        return load_clips()
    clips = []
    for item in items:
        assert isinstance(item.audio, Path), "a manifest names files"
        samples, rate_hz = soundfile.read(item.audio, dtype="int16")
        if rate_hz == SAMPLE_RATE_HZ and samples.ndim == 1 and item.seconds >= 2:
            clips.append(samples)
    return clips or load_clips()


def write_scripts(clips: Sequence[Clip], streams: int, seconds: float, seed: int) -> list[Script]:
    """Streams that last the whole run, the same ones for the same arguments."""
    return [_script(clips, number, seconds, _random(f"{seed}/{number}")) for number in range(streams)]


def write_short_scripts(clips: Sequence[Clip], lanes: int, seconds: float, seed: int) -> list[Script]:
    """In each lane, streams of SHORT_S one behind the other: there is always one that has just begun."""
    turns = int(seconds // SHORT_S)
    return [
        replace(
            _script(clips, lane + turn, SHORT_S, _random(f"{seed}/short/{lane}/{turn}")),
            name=f"short {lane}.{turn} {MANNERS[(lane + turn) % len(MANNERS)].name}",
            begins_s=SHORT_S * turn,
        )
        for lane in range(lanes)
        for turn in range(turns)
    ]


def _random(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - reproducible, not secret


def _script(clips: Sequence[Clip], number: int, seconds: float, rng: random.Random) -> Script:
    manner = MANNERS[number % len(MANNERS)]
    samples = _speech(clips, seconds, rng)
    steps = _audio_steps(samples, manner)
    steps += [Step(at_s, mark=f"mark {at_s:g}") for at_s in _every(_MARK_EVERY_S, seconds)]
    if manner.flushes:
        steps += [Step(at_s, flush=True) for at_s in _every(_FLUSH_EVERY_S, seconds)]
    steps.sort(key=lambda step: step.due_s)
    config = config_pb2.RecognitionConfig(
        encoding=manner.encoding,
        interim_results=True,
        word_times=True,
        decoding_method=manner.method,
    )
    if manner.encoding == config_pb2.AUDIO_ENCODING_LINEAR16:
        config.sample_rate_hz = manner.rate_hz
    return Script(f"{number} {manner.name}", config, steps)


def _speech(clips: Sequence[Clip], seconds: float, rng: random.Random) -> Clip:
    """Clips and pauses, `seconds` in all. Pauses hiss a little, as microphones do."""
    hiss = np.random.default_rng(rng.getrandbits(32))
    parts: list[Clip] = [hiss.integers(-_NOISE, _NOISE + 1, rng.randrange(SAMPLE_RATE_HZ), dtype=np.int16)]
    missing = int(seconds * SAMPLE_RATE_HZ) - len(parts[0])
    while missing > 0:
        pause = int(rng.choice(_PAUSES_S) * SAMPLE_RATE_HZ)
        parts += [rng.choice(clips), hiss.integers(-_NOISE, _NOISE + 1, pause, dtype=np.int16)]
        missing -= len(parts[-2]) + pause
    return np.concatenate(parts)[: int(seconds * SAMPLE_RATE_HZ)]


def _audio_steps(samples: Clip, manner: Manner) -> list[Step]:
    seconds = len(samples) / SAMPLE_RATE_HZ
    if manner.rate_hz != SAMPLE_RATE_HZ:
        samples = soxr.resample(samples, SAMPLE_RATE_HZ, manner.rate_hz)
    if manner.encoding == config_pb2.AUDIO_ENCODING_FLAC:
        file = io.BytesIO()
        soundfile.write(file, samples, manner.rate_hz, format="FLAC")
        content = file.getvalue()
    else:
        content = samples.astype("<i2").tobytes()
    pieces = max(1, round(seconds * 1000 / PIECE_MS))
    # Compressed audio is cut into as many pieces as there are: near enough to when it was spoken.
    bounds = [len(content) * place // pieces // 2 * 2 for place in range(pieces)] + [len(content)]
    return [
        Step(seconds * (place + 1) / pieces, content[bounds[place] : bounds[place + 1]])
        for place in range(pieces)
    ]


def _every(period_s: float, seconds: float) -> list[float]:
    return [period_s * turn for turn in range(1, int(seconds / period_s) + 1) if period_s * turn < seconds]
