"""What travels between the decoder and the model in Triton: tensors, and what the model says of itself.

``deploy/triton/encoder/config.pbtxt`` declares the same tensors; a test keeps the two alike.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from amira_encoder.geometry import EncoderGeometry

MODEL_NAME: Final = "encoder"

FEATURES: Final = "FEATURES"  # FP32 [n, window_frames, feature_dim]
SLOTS: Final = "SLOTS"  # INT32 [n]
GENERATIONS: Final = "GENERATIONS"  # INT64 [n]
RESET: Final = "RESET"  # BOOL [n]

ENCODER_OUT: Final = "ENCODER_OUT"  # FP32 [n, output_frames, output_dim]
ACCEPTED: Final = "ACCEPTED"  # BOOL [n]
ABOUT: Final = "ABOUT"  # UINT8 [bytes]: a Description

TYPES: Final = {
    FEATURES: "FP32",
    SLOTS: "INT32",
    GENERATIONS: "INT64",
    RESET: "BOOL",
    ENCODER_OUT: "FP32",
    ACCEPTED: "BOOL",
    ABOUT: "UINT8",
}

HAS_STREAMS: Final = "streams"
"""Id of a request without rows: its sender has streams in this model."""
NEEDED: Final = "needed"
"""Id of a request without rows: its sender would open new streams in this model."""


@dataclass(frozen=True)
class Description:
    """What the model in Triton says of itself."""

    geometry: EncoderGeometry
    slots: int
    """Size of its slot table."""
    fingerprint: str
    """Of the graph that it runs; see :func:`amira_encoder.model_folder.fingerprint`."""
    engine: str
    """The engine and its precision: ``openvino int8``."""
    draining: bool = False
    """Its server is about to stop: streams should leave."""
    unneeded_s: float = 0.0
    """Since when nobody has said that the model is needed, or used it."""
    without_streams_s: float = 0.0
    """Since when nobody has had a stream in it."""

    def to_bytes(self) -> bytes:
        """For the wire."""
        return json.dumps({**asdict(self), "geometry": self.geometry.to_ints()}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Description:
        """The inverse of :meth:`to_bytes`. Raises ValueError when it is none."""
        try:
            fields = json.loads(content)
            made = cls(**{**fields, "geometry": EncoderGeometry.from_ints(fields["geometry"])})
            usable = made.slots >= 1 and isinstance(made.fingerprint, str) and isinstance(made.engine, str)
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError("not the description of an encoder") from error
        if not usable:
            raise ValueError("not the description of an encoder")
        return made


def model_name(fingerprint: str) -> str:
    """Under which name Triton has a model that was loaded beside the one that it started with."""
    return f"{MODEL_NAME}-{fingerprint[:16]}"
