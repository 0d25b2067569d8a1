"""What the scheduler takes from a stream at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from amira_decoder.controls import Control
from amira_decoder.resume import NO_WARM_UP, WarmUp

if TYPE_CHECKING:
    from amira_decoder.stream import DecodingStream


@dataclass(slots=True)
class Job:
    """One step of a stream: a chunk for encoder and search, or controls alone. Never changed once taken."""

    stream: DecodingStream
    window: NDArray[np.float32] | None
    """Frames for the encoder, float32 [window_frames, feature_dim]; None when there is no chunk to decode."""
    reset: bool
    """First chunk of the stream: the slot's state starts from zero."""
    skipped_outputs: int
    """The chunk's first encoder frames that stand for time before the audio: they are not searched."""
    end_frame: int
    """Frames of real audio that are decoded once this job is done."""
    completed: Sequence[Control]
    """Controls that take effect after the chunk, in order."""
    warms_up: bool = False
    """The chunk only brings the encoder's state to where another decoder had it: it is not searched."""
    resume_warm_up: WarmUp = NO_WARM_UP
    """How another decoder would get to a segment that opens here."""
    due_at: float = 0.0
    """Monotonic time since when there was something to do."""
