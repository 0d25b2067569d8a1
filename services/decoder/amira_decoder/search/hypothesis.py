"""What a search says was spoken in a segment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of a segment. The three tuples have one entry per token."""

    tokens: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    """Encoder frame, counted from the segment's start, at which each token came out; rising."""
    log_probs: tuple[float, ...] = ()
    """The model's natural-log probability of each token where it came out, without boosts."""
    score: float = 0.0
    """Natural-log score of the whole reading with blanks and boosts; compares readings of one segment."""

    def trailing_blank_frames(self, num_frames: int) -> int:
        """Frames without a token at the end of a segment of `num_frames` frames."""
        return num_frames - (self.frames[-1] + 1) if self.frames else num_frames
