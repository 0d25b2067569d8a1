"""The numbers that tie features, chunks and encoder frames together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class EncoderGeometry:
    """What one encoder step eats and gives.

    A step sees `window_frames` feature frames and moves on by `chunk_frames`: the next window
    overlaps this one by the difference.
    """

    window_frames: int
    """Feature frames per step (the model's ``T``)."""

    chunk_frames: int
    """Feature frames that a step consumes (the model's ``decode_chunk_len``)."""

    feature_dim: int
    """Values per feature frame."""

    output_frames: int
    """Encoder frames per step."""

    output_dim: int
    """Values per encoder frame."""

    def to_ints(self) -> list[int]:
        """All five numbers in the order of the fields, for the wire."""
        return list(astuple(self))

    @classmethod
    def from_ints(cls, numbers: Sequence[int]) -> EncoderGeometry:
        """The inverse of :meth:`to_ints`. Raises ValueError for another count or numbers below 1."""
        if len(numbers) != 5 or min(numbers) < 1:
            raise ValueError(f"an encoder geometry is five positive numbers, not {list(numbers)}")
        return cls(*(int(number) for number in numbers))
