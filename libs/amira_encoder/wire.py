"""The names and types of the tensors that travel between the decoder and the model in Triton.

``deploy/triton/encoder/config.pbtxt`` declares the same ones; a test keeps the two alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from amira_encoder.geometry import EncoderGeometry

MODEL_NAME = "encoder"

FEATURES = "FEATURES"  # FP32 [n, window_frames, feature_dim]
SLOTS = "SLOTS"  # INT32 [n]
GENERATIONS = "GENERATIONS"  # INT64 [n]
RESET = "RESET"  # BOOL [n]

ENCODER_OUT = "ENCODER_OUT"  # FP32 [n, output_frames, output_dim]
ACCEPTED = "ACCEPTED"  # BOOL [n]
GEOMETRY = "GEOMETRY"  # INT32 [7]

TYPES = {
    FEATURES: "FP32",
    SLOTS: "INT32",
    GENERATIONS: "INT64",
    RESET: "BOOL",
    ENCODER_OUT: "FP32",
    ACCEPTED: "BOOL",
    GEOMETRY: "INT32",
}


def describe(geometry: EncoderGeometry, slots: int) -> list[int]:
    """The content of GEOMETRY: the six numbers of the geometry, then the number of slots."""
    return [*geometry.to_ints(), slots]


def parse_description(numbers: Sequence[int]) -> tuple[EncoderGeometry, int]:
    """The inverse of :func:`describe`. Raises ValueError when it is none."""
    if len(numbers) != 7 or numbers[6] < 1:
        raise ValueError(f"not the description of an encoder: {list(numbers)}")
    return EncoderGeometry.from_ints(numbers[:6]), int(numbers[6])
