"""Greedy search: the likeliest token at every frame, at most one a frame, as sherpa-onnx has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from amira_core.errors import HotwordError
from amira_decoder.model.folder import TransducerFolder
from amira_decoder.model.jit import kernel
from amira_decoder.model.joint import JointNetwork
from amira_decoder.model.joint_kernels import (
    EMPTY,
    INITIAL_KEY,
    JointArrays,
    affine_joiner,
    certain_blank,
    find_row,
    log_softmax,
    push_key,
)
from amira_decoder.search.base import Method, SearchOptions, Segment, check_batch
from amira_decoder.search.hotwords import HotwordAutomaton
from amira_decoder.search.hypothesis import Hypothesis


@dataclass(eq=False, slots=True)
class GreedySegment:
    """State of one open segment."""

    num_frames: int = 0
    key: int = INITIAL_KEY
    tokens: list[int] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    score: float = 0.0


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
        usable = np.isfinite(encoder_out).all(axis=2)
        keys = np.array([segment.key for segment in batch], np.int64)
        tokens = np.zeros(usable.shape, np.int32)
        log_probs = np.zeros(usable.shape, np.float32)
        self._decode(encoder_out, usable, keys, tokens, log_probs)
        spoken = tokens != self._joint.blank_id
        for row, segment in enumerate(batch):
            at = np.flatnonzero(spoken[row])
            segment.tokens += tokens[row, at].tolist()
            segment.frames += (at + segment.num_frames).tolist()
            segment.log_probs += log_probs[row, at].tolist()
            segment.score += float(log_probs[row].sum())
            segment.num_frames += encoder_out.shape[1]
            segment.key = int(keys[row])

    def best(self, segments: Sequence[Segment]) -> list[Hypothesis]:
        """See Search.best."""
        return [_hypothesis(cast(GreedySegment, segment)) for segment in segments]

    def n_best(self, segment: Segment, count: int) -> list[Hypothesis]:
        """The one hypothesis that there is."""
        return self.best([segment])

    def _decode(
        self,
        encoder_out: NDArray[np.float32],
        usable: NDArray[np.bool_],
        keys: NDArray[np.int64],
        tokens: NDArray[np.int32],
        log_probs: NDArray[np.float32],
    ) -> None:
        joint = self._joint
        joint.table.reserve(2 * len(keys))
        done = np.zeros(len(keys), np.int64)
        missing = np.empty(len(keys), np.int64)
        while (arrays := joint.arrays()) is not None:
            lacking = _decode_rows(encoder_out, usable, arrays, done, keys, tokens, log_probs, missing)
            if not lacking:
                return
            joint.fill(missing[:lacking])
        self._decode_by_frames(encoder_out, usable, keys, tokens, log_probs)

    def _decode_by_frames(
        self,
        encoder_out: NDArray[np.float32],
        usable: NDArray[np.bool_],
        keys: NDArray[np.int64],
        tokens: NDArray[np.int32],
        log_probs: NDArray[np.float32],
    ) -> None:
        """For a joiner that only onnxruntime can run: one call per frame, all segments together."""
        joint = self._joint
        for t in range(encoder_out.shape[1]):
            logits = joint.logits(encoder_out[:, t], joint.rows(keys))
            for row in range(len(keys)):
                _choose(logits[row], usable[row, t], joint.blank_id, tokens[row], log_probs[row], t)
                if tokens[row, t] != joint.blank_id:
                    keys[row] = push_key(keys[row], tokens[row, t], joint.key_base, joint.key_modulus)


def _hypothesis(segment: GreedySegment) -> Hypothesis:
    return Hypothesis(tuple(segment.tokens), tuple(segment.frames), tuple(segment.log_probs), segment.score)


@kernel
def _choose(
    logits: NDArray[np.float32],
    usable: bool,
    blank: int,
    tokens: NDArray[np.int32],
    log_probs: NDArray[np.float32],
    t: int,
) -> None:
    """Writes the likeliest token of a frame and its log-probability."""
    if usable:
        log_softmax(logits, blank)
    else:
        certain_blank(logits, blank)
    token = np.argmax(logits)
    tokens[t] = token
    log_probs[t] = logits[token]


@kernel
def _decode_rows(
    encoder_out: NDArray[np.float32],
    usable: NDArray[np.bool_],
    joint: JointArrays,
    done: NDArray[np.int64],
    keys: NDArray[np.int64],
    tokens: NDArray[np.int32],
    log_probs: NDArray[np.float32],
    missing: NDArray[np.int64],
) -> int:
    """Decodes each row until its end or until a context is missing; counts the missing contexts."""
    hidden = np.empty(joint.weights.shape[0], np.float32)
    logits = np.empty(joint.weights.shape[1], np.float32)
    lacking = 0
    for row in range(len(keys)):
        for t in range(done[row], encoder_out.shape[1]):
            slot = find_row(keys[row], joint.table_keys, joint.table_slots)
            if slot == EMPTY:
                missing[lacking] = keys[row]
                lacking += 1
                break
            decoder_row = joint.table_rows[slot]
            affine_joiner(encoder_out[row, t], decoder_row, joint.weights, joint.bias, hidden, logits)
            _choose(logits, usable[row, t], joint.blank, tokens[row], log_probs[row], t)
            if tokens[row, t] != joint.blank:
                keys[row] = push_key(keys[row], tokens[row, t], joint.base, joint.modulus)
            done[row] = t + 1
    return lacking
