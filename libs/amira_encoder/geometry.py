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

    output_delay_frames: int = 0
    """Encoder frames by which the output is late: the first ones after a reset stand for time before it."""

    @property
    def delay_frames(self) -> int:
        """The output's delay in feature frames."""
        return self.output_delay_frames * self.chunk_frames // self.output_frames

    def to_ints(self) -> list[int]:
        """All six numbers in the order of the fields, for the wire."""
        return list(astuple(self))

    @classmethod
    def from_ints(cls, numbers: Sequence[int]) -> EncoderGeometry:
        """The inverse of :meth:`to_ints`. Raises ValueError for another count or numbers that are too low."""
        if len(numbers) != 6 or min(numbers[:5]) < 1 or numbers[5] < 0:
            raise ValueError(f"an encoder geometry is five positive numbers and a delay, not {list(numbers)}")
        return cls(*(int(number) for number in numbers))
