"""One input through the frontend's decoders, and what must hold whatever the input is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from amira_core.errors import InvalidRequestError
from amira_frontend.formats.base import Float32s
from amira_frontend.formats.expansion import FREE_S, MAX_S_PER_KIB
from amira_frontend.pipeline import FeatureStream
from fuzz.inputs import Input

STEP_LIMIT_S = 0.1
"""Of processor time: as long, no other stream on the event loop is served. Steps take milliseconds."""
_ONE_BLOCK_S = 10
"""Audio that the decoder may have given out when it notices that it is too much."""


class FindingError(Exception):
    """Something that must not be."""


@dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    result: str
    """``frames``, or the name of the error that refused it."""
    frames: int
    cpu_s: float
    longest_step_s: float


def check(item: Input, step_limit_s: float = STEP_LIMIT_S) -> Outcome:
    """Raises FindingError where the frontend does not behave."""
    run = _Run(item, step_limit_s)
    begin = time.thread_time()
    try:
        run.feed()
        result = "frames"
    except InvalidRequestError as error:
        result = type(error).__name__
        if not error.message:
            raise FindingError(f"{result} without a message") from error
    except FindingError:
        raise
    except BaseException as error:
        raise FindingError(
            f"{type(error).__name__} instead of features or an InvalidRequestError: {error}"
        ) from error
    return Outcome(result, run.frames, time.thread_time() - begin, run.longest_step_s)


class _Run:
    def __init__(self, item: Input, step_limit_s: float) -> None:
        self._item = item
        self._step_limit_s = step_limit_s
        self._most_frames = 100 * (FREE_S + _ONE_BLOCK_S + MAX_S_PER_KIB * item.size / 1024)
        self.frames = 0
        self.longest_step_s = 0.0

    def feed(self) -> None:
        stream = FeatureStream(self._item.audio_format)
        first = stream.frames
        for piece in self._item.pieces:
            self._take(stream, stream.steps(piece))
        self._take(stream, stream.finish_steps())
        if stream.frames - first != self.frames:
            raise FindingError(f"{self.frames} frames came, {stream.frames - first} were counted")
        if abs(stream.received_samples - stream.samples) > 1:
            raise FindingError(f"{stream.received_samples} samples came, {stream.samples} went into frames")

    def _take(self, stream: FeatureStream, steps: Iterator[Float32s]) -> None:
        begin = time.thread_time()
        for frames in steps:
            took = time.thread_time() - begin
            self.longest_step_s = max(self.longest_step_s, took)
            self._check_step(frames, took)
            begin = time.thread_time()

    def _check_step(self, frames: Float32s, took_s: float) -> None:
        if took_s > self._step_limit_s:
            raise FindingError(f"one step took {1000 * took_s:.0f} ms: the other streams wait for it")
        self.frames += len(frames)
        if self.frames > self._most_frames:
            raise FindingError(f"{self.frames} frames and more of {self._item.size} bytes")
        if not np.isfinite(frames).all():
            raise FindingError("frames that are not numbers")
