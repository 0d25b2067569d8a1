"""What the scheduler sees of an encoder, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amira_encoder.geometry import EncoderGeometry

__all__ = ["Encoder", "EncoderBatch", "EncoderGeometry", "EncoderOutput"]


@dataclass
class EncoderBatch:
    """One tick: a chunk of each of n streams, every slot at most once."""

    features: NDArray[np.float32]
    """[n, window_frames, feature_dim]."""

    slots: NDArray[np.int32]
    """[n], each row's slot."""

    generations: NDArray[np.int64]
    """[n], the generation each slot was lent under."""

    reset: NDArray[np.bool_]
    """[n], true for a stream's first chunk."""


@dataclass
class EncoderOutput:
    """What a tick gave."""

    frames: NDArray[np.float32]
    """[n, output_frames, output_dim]; rows that were not accepted are zero."""

    accepted: NDArray[np.bool_]
    """[n]; false: the encoder does not know the row's generation (it was restarted since)."""


class Encoder(Protocol):
    """An encoder with a slot table."""

    @property
    def name(self) -> str:
        """Where it runs, for logs and metrics."""

    @property
    def slots(self) -> int:
        """Size of its slot table; known once connected."""

    @property
    def engine(self) -> str:
        """What it runs on and in which precision, ``openvino int8``; known once connected."""

    @property
    def draining(self) -> bool:
        """Whether it said at the last :meth:`ready` that it is about to stop: its streams should leave."""

    @property
    def runs_other_model(self) -> bool:
        """Whether it answered at the last :meth:`ready`, but has only another model than wanted."""

    async def connect(self) -> EncoderGeometry:
        """Waits, up to a limit, until the encoder answers.

        Raises:
            EncoderLostError: it did not in time.
        """

    async def step(self, batch: EncoderBatch) -> EncoderOutput:
        """Advances the batch's streams by one chunk.

        One step at a time: a second one that is called before the first has answered may overtake it.

        Raises:
            EncoderLostError: the encoder is gone or did not answer in time. The states of the
                batch's streams are unknown from then on: reset them or give them up.
            InternalError: the encoder refused the batch as malformed.
        """

    async def ready(self, has_streams: bool = False) -> bool:
        """Whether the encoder answers now, with the model that :meth:`connect` found.

        Asked about every second, so that it knows who needs it and who has streams in it.
        """

    async def close(self) -> None:
        """Lets go of it; safe to call twice."""
