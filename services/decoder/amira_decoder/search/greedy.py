"""Greedy search: the likeliest token at every frame, at most one a frame, as sherpa-onnx has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from amira_core.errors import HotwordError
from amira_decoder.model.affine_kernels import affine_rows, affine_scratch, whole_blocks
from amira_decoder.model.folder import TransducerFolder
from amira_decoder.model.jit import kernel
from amira_decoder.model.joint import JointNetwork
from amira_decoder.model.joint_kernels import (
    EMPTY,
    INITIAL_KEY,
    JointArrays,
    certain_blank,
    find_row,
    likeliest,
    push_key,
)
from amira_decoder.model.vector_math import all_finite, tanh_of_sum
from amira_decoder.search.base import Method, SearchOptions, Segment, check_batch
from amira_decoder.search.hotwords import HotwordAutomaton
from amira_decoder.search.hypothesis import Hypothesis


@dataclass(eq=False, slots=True)
class GreedySegment:
    """State of one open segment."""

    num_frames: int = 0
    key: int = INITIAL_KEY
    tokens: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    score: float = 0.0


class Found(NamedTuple):
    """What a batch of n rows and T frames brings, frame by frame."""

    tokens: NDArray[np.int32]
    """[n, T]"""
    log_probs: NDArray[np.float32]
    """[n, T], of those tokens."""
    scores: NDArray[np.float64]
    """[n], their sums."""


class GreedySearch:
    """The cheapest search: one hypothesis, no hotwords, no n-best."""

    name: Method = "greedy"

    def __init__(
        self, model: TransducerFolder, options: SearchOptions, joint: JointNetwork | None = None
    ) -> None:
        self._joint = joint or JointNetwork(model)
        self.advance([self.start_segment()], np.zeros((1, 1, self._joint.dim), np.float32))

    def start_segment(self, hotwords: HotwordAutomaton | None = None) -> GreedySegment:
        """Opens a segment. Raises HotwordError when given hotwords."""
        if hotwords is not None:
            raise HotwordError("Greedy search has no hotwords: choose another decoding method.")
        return GreedySegment()

    def advance(self, segments: Sequence[Segment], encoder_out: NDArray[np.float32]) -> None:
        """See Search.advance."""
        encoder_out = check_batch(segments, encoder_out, self._joint.dim)
        if not encoder_out.size:
            return
        batch = [cast(GreedySegment, segment) for segment in segments]
        rows, frames = encoder_out.shape[:2]
        keys = np.array([segment.key for segment in batch], np.int64)
        found = Found(
            np.empty((rows, frames), np.int32), np.empty((rows, frames), np.float32), np.zeros(rows)
        )
        self._decode(encoder_out, keys, found)
        spoken = found.tokens != self._joint.blank_id
        speaking = spoken.any(axis=1).tolist()
        for row, (segment, speaks, score, key) in enumerate(
            zip(batch, speaking, found.scores.tolist(), keys.tolist(), strict=True)
        ):
            if speaks:
                at = np.flatnonzero(spoken[row])
                segment.tokens += tuple(found.tokens[row, at].tolist())
                segment.frames += tuple((at + segment.num_frames).tolist())
                segment.log_probs += tuple(found.log_probs[row, at].tolist())
            segment.score += score
            segment.num_frames += frames
            segment.key = key

    def best(self, segments: Sequence[Segment]) -> list[Hypothesis]:
        """See Search.best."""
        return [_hypothesis(cast(GreedySegment, segment)) for segment in segments]

    def n_best(self, segment: Segment, count: int) -> list[Hypothesis]:
        """The one hypothesis that there is."""
        return self.best([segment])

    def _decode(self, encoder_out: NDArray[np.float32], keys: NDArray[np.int64], found: Found) -> None:
        joint = self._joint
        joint.table.reserve(2 * len(keys))
        done = np.zeros(len(keys), np.int64)
        missing = np.empty(len(keys), np.int64)
        while (arrays := joint.arrays()) is not None:
            lacking = _decode_batch(encoder_out, arrays, done, keys, found, missing)
            if not lacking:
                return
            joint.fill(missing[:lacking])
        self._decode_by_frames(encoder_out, keys, found)

    def _decode_by_frames(
        self, encoder_out: NDArray[np.float32], keys: NDArray[np.int64], found: Found
    ) -> None:
        """For a joiner that only onnxruntime can run: one call per frame, all segments together."""
        joint = self._joint
        usable = np.isfinite(encoder_out).all(axis=2)
        for t in range(encoder_out.shape[1]):
            logits = joint.logits(encoder_out[:, t], joint.rows(keys))
            for row in range(len(keys)):
                if not usable[row, t]:
                    certain_blank(logits[row], joint.blank_id)
                _choose(logits[row], joint.blank_id, row, t, found)
                if found.tokens[row, t] != joint.blank_id:
                    keys[row] = push_key(keys[row], found.tokens[row, t], joint.key_base, joint.key_modulus)


def _hypothesis(segment: GreedySegment) -> Hypothesis:
    return Hypothesis(segment.tokens, segment.frames, segment.log_probs, segment.score)


@kernel
def _choose(logits: NDArray[np.float32], blank: int, row: int, t: int, found: Found) -> None:
    """Notes the likeliest token of a frame, from its logits."""
    token, log_prob = likeliest(logits, blank)
    found.tokens[row, t] = token
    found.log_probs[row, t] = log_prob
    found.scores[row] += log_prob


@kernel
def _decode_batch(
    encoder_out: NDArray[np.float32],
    joint: JointArrays,
    done: NDArray[np.int64],
    keys: NDArray[np.int64],
    found: Found,
    missing: NDArray[np.int64],
) -> int:
    """Takes each row on from frame `done[row]` to its end, or to where the table lacks its context.

    The next frames of all rows go through the joiner together. Gives the number of contexts that are
    lacking, written to `missing`.
    """
    rows, frames = encoder_out.shape[:2]
    dim, vocab = joint.weights.shape
    hidden = np.zeros((whole_blocks(rows), dim), np.float32)
    logits = np.empty((len(hidden), vocab), np.float32)
    sums = affine_scratch()
    live_rows = np.empty(rows, np.int64)
    stuck = np.zeros(rows, np.bool_)
    lacking = 0
    while True:
        live = 0
        for row in range(rows):
            while done[row] < frames and not all_finite(encoder_out[row, done[row]]):
                found.tokens[row, done[row]] = joint.blank
                found.log_probs[row, done[row]] = 0
                done[row] += 1
            if stuck[row] or done[row] == frames:
                continue
            slot = find_row(keys[row], joint.table_keys, joint.table_slots)
            if slot == EMPTY:
                stuck[row] = True
                missing[lacking] = keys[row]
                lacking += 1
                continue
            tanh_of_sum(encoder_out[row, done[row]], joint.table_rows[slot], hidden[live])
            live_rows[live] = row
            live += 1
        if not live:
            return lacking
        affine_rows(hidden, live, joint.weights, joint.bias, sums, logits)
        for at in range(live):
            row = live_rows[at]
            _choose(logits[at], joint.blank, row, done[row], found)
            token = found.tokens[row, done[row]]
            if token != joint.blank:
                keys[row] = push_key(keys[row], token, joint.base, joint.modulus)
            done[row] += 1
