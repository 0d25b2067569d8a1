"""The one interface of all searches: encoder frames in, hypotheses out.

All calls come from one thread. `advance` and `best` together are the hot path: `advance` is called
once per batch of encoder frames, with whatever segments have a chunk ready, and `best` on those
that want an interim result. A segment is dropped by letting go of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from amira_decoder.search.hotwords import HotwordAutomaton
from amira_decoder.search.hypothesis import Hypothesis

Method = Literal["k2", "beam", "greedy"]

MAX_N_BEST = 64
"""More hypotheses are never given, whatever is asked for."""


SEARCH_BOUNDS: dict[str, tuple[float, float]] = {
    "num_active_paths": (1, 64),
    "k2_beam": (1e-3, 50),
    "k2_max_contexts": (1, 64),
    "k2_max_states": (1, 512),
    "lm_scale": (0, 10),
    "lm_bonus": (-20, 20),
    "internal_lm_scale": (0, 10),
}
"""Least and most of each of SearchOptions' fields."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Widths and weights of the searches, within SEARCH_BOUNDS. Those of k2 are icefall's for streaming.

    The beam's were chosen on half of the development recordings, with the bundled language model.
    """

    num_active_paths: int = 8
    """beam: hypotheses kept per segment."""
    k2_beam: float = 4.0
    """k2: hypotheses this far (nats) behind the best are dropped."""
    k2_max_contexts: int = 4
    """k2: predictor contexts kept per segment and frame."""
    k2_max_states: int = 8
    """k2: states kept per segment and frame."""
    lm_scale: float = 0.55
    """beam: weight of the folder's language model, if it has one, against the acoustic model; 0: none."""
    lm_bonus: float = 1.5
    """beam: nats added per token where a language model takes part: its scores alone favour few tokens."""
    internal_lm_scale: float = 0.25
    """beam: how much of the acoustic model's own knowledge of language is taken away where a language model
    takes part."""

    def __post_init__(self) -> None:
        for name, (low, high) in SEARCH_BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be from {low} to {high}, not {getattr(self, name)}")


class Segment(Protocol):
    """State of one open segment; only the search that made it can use it."""

    @property
    def num_frames(self) -> int:
        """Encoder frames seen since the segment began."""
        ...


class Search(Protocol):
    """A search method bound to one model."""

    @property
    def name(self) -> Method:
        """The method."""
        ...

    def start_segment(self, hotwords: HotwordAutomaton | None = None) -> Segment:
        """Opens a segment. Raises HotwordError where the method has no hotwords (greedy)."""
        ...

    def advance(self, segments: Sequence[Segment], encoder_out: NDArray[np.float32]) -> None:
        """Decodes T more frames of n distinct segments; the batch may differ at every call.

        `encoder_out` is [n, T, D], row i for segments[i]; n or T may be 0. A frame that holds a NaN
        or an infinity counts as blank. Raises ValueError on a wrong shape or a repeated segment.
        """
        ...

    def best(self, segments: Sequence[Segment]) -> list[Hypothesis]:
        """The best hypothesis of each segment so far; the same as `n_best(segment, 1)[0]` of each."""
        ...

    def n_best(self, segment: Segment, count: int) -> list[Hypothesis]:
        """Up to `count` (1 to MAX_N_BEST) hypotheses with distinct tokens, best first; never empty."""
        ...


def check_hotwords(hotwords: HotwordAutomaton | None, vocab_size: int) -> None:
    """Raises ValueError for an automaton over another vocabulary; k2 would end the process."""
    if hotwords is not None and hotwords.next_state.shape[1] != vocab_size:
        raise ValueError(f"hotwords over {hotwords.next_state.shape[1]} tokens, the model has {vocab_size}")


def check_batch(
    segments: Sequence[Segment], encoder_out: NDArray[np.float32], dim: int
) -> NDArray[np.float32]:
    """Validates an `advance` call; gives `encoder_out` back as float32 [n, T, dim].

    The result is contiguous, aligned and writable: numba compiles anew (seconds) for each other kind.
    """
    if encoder_out.ndim != 3 or encoder_out.shape[0] != len(segments):
        raise ValueError(f"encoder_out is {encoder_out.shape}, expected [{len(segments)}, T, {dim}]")
    if encoder_out.size and encoder_out.shape[2] != dim:
        raise ValueError(f"encoder_out has {encoder_out.shape[2]} values a frame, the joiner takes {dim}")
    if len({id(segment) for segment in segments}) != len(segments):
        raise ValueError("a segment appears twice in one batch")
    return np.require(encoder_out, np.float32, ["C", "A", "W"])
