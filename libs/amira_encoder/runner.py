"""What stands below the slot table: something that encodes chunks and keeps streams' states."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amira_encoder.geometry import EncoderGeometry


class Runner(Protocol):
    """Encodes chunks of streams, whose states it keeps slot by slot. Not thread-safe."""

    geometry: EncoderGeometry
    slots: int
    """Streams whose states it can keep."""

    @property
    def name(self) -> str:
        """The engine and its precision, for logs: ``onnxruntime f32``."""

    @property
    def threads(self) -> int:
        """Threads that a step uses."""

    @property
    def bytes_per_slot(self) -> int:
        """Memory that one stream's state takes."""

    @property
    def row_at_a_time(self) -> bool:
        """Whether streams do not share a run, because one's result would depend on the others."""

    def advance(
        self, features: NDArray[np.float32], slots: NDArray[np.int32], fresh: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Advances n streams by one chunk; a failure leaves all of them where they were.

        Args:
            features: float32 [n, window_frames, feature_dim].
            slots: int32 [n], each row's slot; no two alike.
            fresh: bool [n]: the row starts a stream, whatever the slot's state was.

        Returns:
            Encoder frames, float32 [n, output_frames, output_dim].
        """
