"""The inner loop of the beam search in numba: one frame of one segment, and a batch of chunks.

A path is a token sequence under consideration; its tokens hang on a chain of nodes in the segment's
arena, so paths share their beginnings and extending one allocates nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.affine_kernels import affine_rows, affine_scratch, whole_blocks
from amira_decoder.model.jit import kernel
from amira_decoder.model.joint_kernels import (
    EMPTY,
    JointArrays,
    find_row,
    log_softmax,
    push_key,
)
from amira_decoder.model.vector_math import tanh_of_sum
from amira_decoder.search.ngram_kernels import Fusion, fill_scores, next_context

PATH = np.dtype(
    [("score", "f8"), ("key", "i8"), ("digest", "i8"), ("node", "i4"), ("state", "i4"), ("context", "i4")],
    align=True,
)
"""Score with boosts and language model; predictor context; hash of all tokens; last node or -1; hotword
state; context of the language model."""

NODE = np.dtype([("parent", "i4"), ("token", "i4"), ("frame", "i4"), ("log_prob", "f4")], align=True)
"""One token of one or more paths: node before it or -1, token, frame in the segment, log-probability."""

CANDIDATE = np.dtype([("score", "f8"), ("digest", "i8"), ("path", "i4"), ("token", "i4")], align=True)
"""A path after one more frame, not yet chosen."""

PathArray = NDArray[Any]
NodeArray = NDArray[Any]
CandidateArray = NDArray[Any]


@kernel
def extend_digest(digest: int, token: int) -> int:
    """Hash of a token sequence after one more token (64 bits, wraps)."""
    mixed = (digest ^ (token + 1)) * 0x5851F42D4C957F2D
    return mixed ^ (mixed >> 29)


@kernel
def _insert(candidates: CandidateArray, count: int, score: float, digest: int, path: int, token: int) -> int:
    """Into a list sorted by falling score; the last one falls out of a full list. Gives the new length."""
    at = count if count < len(candidates) else count - 1
    while at > 0 and candidates[at - 1].score < score:
        candidates[at] = candidates[at - 1]
        at -= 1
    candidates[at].score = score
    candidates[at].digest = digest
    candidates[at].path = path
    candidates[at].token = token
    return min(count + 1, len(candidates))


@kernel
def _gather(
    paths: PathArray,
    count: int,
    log_probs: NDArray[np.float32],
    log_prob_rows: NDArray[np.int64],
    earned: NDArray[np.float32],
    lm_scores: NDArray[np.float32],
    blank: int,
    candidates: CandidateArray,
) -> int:
    """The best continuations of all paths over the whole vocabulary, sorted; gives their number."""
    found = 0
    for path in range(count):
        score, state = paths[path].score, paths[path].state
        row = log_prob_rows[path]
        found = _insert(candidates, found, score + log_probs[row, blank], paths[path].digest, path, blank)
        for token in range(log_probs.shape[1]):
            extended = score + log_probs[row, token] + earned[state, token] + lm_scores[path, token]
            if found == len(candidates) and extended <= candidates[found - 1].score:
                continue
            if token != blank and extended > -np.inf:
                digest = extend_digest(paths[path].digest, token)
                found = _insert(candidates, found, extended, digest, path, token)
    return found


@kernel
def _merge(candidates: CandidateArray, found: int, keep: int) -> int:
    """Adds up the probabilities of equal token sequences, sorts anew, keeps the best; gives their number.

    The likelier alignment stays: it decides at which frames the tokens came out.
    """
    merged = 0
    for at in range(found):
        same = 0
        while same < merged and candidates[same].digest != candidates[at].digest:
            same += 1
        if same < merged:
            difference = candidates[at].score - candidates[same].score
            candidates[same].score += math.log1p(math.exp(min(difference, 0.0)))
        else:
            candidates[merged] = candidates[at]
            merged += 1
    chosen = min(merged, keep)
    for place in range(chosen):
        best = place
        for at in range(place + 1, merged):
            if candidates[at].score > candidates[best].score:
                best = at
        if best != place:
            _swap(candidates, place, best)
    return chosen


@kernel
def _swap(candidates: CandidateArray, one: int, other: int) -> None:
    first, second = candidates[one], candidates[other]
    first.score, second.score = second.score, first.score
    first.digest, second.digest = second.digest, first.digest
    first.path, second.path = second.path, first.path
    first.token, second.token = second.token, first.token


@kernel
def _fill_lm_scores(
    path: int,
    paths: PathArray,
    fusion: Fusion,
    priors: NDArray[np.float32],
    prior_row: int,
    lm_scores: NDArray[np.float32],
    lm_filled: NDArray[np.int64],
) -> None:
    """Writes what the language model adds to each token behind a path to `lm_scores[path]`.

    At most frames most paths stay as they were: what some row holds already is not computed anew. Row i
    holds the scores behind the context `lm_filled[i, 0]` of the language model and the context
    `lm_filled[i, 1]` of the predictor.
    """
    context, key = paths[path].context, paths[path].key
    for row in range(len(lm_filled)):
        if lm_filled[row, 0] == context and lm_filled[row, 1] == key:
            if row != path:
                lm_scores[path] = lm_scores[row]
                lm_filled[path] = lm_filled[row]
            return
    scores = lm_scores[path]
    fill_scores(fusion, context, scores)
    if fusion.internal_scale != 0:
        factor, prior = np.float32(fusion.internal_scale), priors[prior_row]
        for token in range(len(scores)):
            scores[token] -= factor * prior[token]
    lm_filled[path, 0] = context
    lm_filled[path, 1] = key


@kernel
def step(
    paths: PathArray,
    count: int,
    log_probs: NDArray[np.float32],
    log_prob_rows: NDArray[np.int64],
    frame: int,
    next_state: NDArray[np.int32],
    earned: NDArray[np.float32],
    fusion: Fusion,
    priors: NDArray[np.float32],
    prior_rows: NDArray[np.int64],
    blank: int,
    base: int,
    modulus: int,
    nodes: NodeArray,
    num_nodes: int,
    first_node: int,
    lm_scores: NDArray[np.float32],
    lm_filled: NDArray[np.int64],
    candidates: CandidateArray,
    before: PathArray,
) -> tuple[int, int]:
    """Takes one segment's paths [P] over one frame, in place.

    `log_probs` [rows, V], of which path i reads `log_prob_rows[i]`, and `priors` likewise. New nodes go
    to `nodes` from `num_nodes` on and are numbered from `first_node` on. `lm_scores` [P, V], zero at
    first, `lm_filled` [P, 2], -1 at first, `candidates` [2 P] and `before` [P] are scratch. Gives the new
    number of paths and of nodes.
    """
    if fusion.scale != 0:
        for path in range(count):
            _fill_lm_scores(path, paths, fusion, priors, prior_rows[path], lm_scores, lm_filled)
    found = _gather(paths, count, log_probs, log_prob_rows, earned, lm_scores, blank, candidates)
    chosen = _merge(candidates, found, len(paths))
    for path in range(count):
        before[path] = paths[path]
    for place in range(chosen):
        candidate = candidates[place]
        source = before[candidate.path]
        paths[place] = source
        paths[place].score = candidate.score
        if candidate.token != blank:
            paths[place].digest = candidate.digest
            paths[place].key = push_key(source.key, candidate.token, base, modulus)
            paths[place].state = next_state[source.state, candidate.token]
            if fusion.scale != 0:
                paths[place].context = next_context(fusion.ngrams, source.context, candidate.token)
            paths[place].node = first_node + num_nodes
            nodes[num_nodes].parent = source.node
            nodes[num_nodes].token = candidate.token
            nodes[num_nodes].frame = frame
            nodes[num_nodes].log_prob = log_probs[log_prob_rows[candidate.path], candidate.token]
            num_nodes += 1
    return chosen, num_nodes


@kernel
def decode_batch(
    encoder_out: NDArray[np.float32],
    usable: NDArray[np.bool_],
    joint: JointArrays,
    next_state: NDArray[np.int32],
    earned: NDArray[np.float32],
    fusion: Fusion,
    paths: PathArray,
    counts: NDArray[np.int64],
    nodes: NodeArray,
    num_nodes: NDArray[np.int64],
    first_node: NDArray[np.int64],
    first_frame: NDArray[np.int64],
    done: NDArray[np.int64],
    missing: NDArray[np.int64],
) -> int:
    """Takes the paths [n, P] over frames [n, T] with an affine joiner.

    Each segment goes on from frame `done[i]` to the end, or to the first frame with a context that
    the table lacks. Gives the number of missing contexts, written to `missing` [n P].
    """
    width, vocab = paths.shape[1], joint.weights.shape[1]
    hidden = np.zeros((whole_blocks(width), joint.weights.shape[0]), np.float32)
    log_probs = np.empty((len(hidden), vocab), np.float32)
    sums = affine_scratch()
    rows = np.empty(width, np.int64)
    slots = np.empty(width, np.int64)
    lm_scores = np.zeros((width, vocab), np.float32)
    lm_filled = np.full((width, 2), -1, np.int64)
    candidates = np.empty(2 * width, CANDIDATE)
    before = np.empty(width, PATH)
    lacking = 0
    for row in range(len(paths)):
        for t in range(done[row], encoder_out.shape[1]):
            if usable[row, t]:
                absent = 0
                for path in range(counts[row]):
                    slots[path] = find_row(paths[row, path].key, joint.table_keys, joint.table_slots)
                    if slots[path] == EMPTY:
                        missing[lacking] = paths[row, path].key
                        lacking += 1
                        absent += 1
                if absent:
                    break
                distinct = 0
                for path in range(counts[row]):
                    rows[path] = distinct
                    for earlier in range(path):
                        if slots[earlier] == slots[path]:
                            rows[path] = rows[earlier]
                            break
                    if rows[path] == distinct:
                        tanh_of_sum(encoder_out[row, t], joint.table_rows[slots[path]], hidden[distinct])
                        distinct += 1
                affine_rows(hidden, distinct, joint.weights, joint.bias, sums, log_probs)
                for at in range(distinct):
                    log_softmax(log_probs[at], joint.blank)
                counts[row], num_nodes[row] = step(
                    paths[row], counts[row], log_probs, rows, first_frame[row] + t, next_state, earned,
                    fusion, joint.table_priors, slots, joint.blank, joint.base, joint.modulus, nodes[row],
                    num_nodes[row], first_node[row], lm_scores, lm_filled, candidates, before,
                )  # fmt: skip
            done[row] = t + 1
    return lacking


@kernel
def trace(nodes: NodeArray, last: int) -> NodeArray:
    """The chain of nodes that ends at `last`, oldest first."""
    length = 0
    at = last
    while at >= 0:
        length += 1
        at = nodes[at].parent
    chain = np.empty(length, NODE)
    at = last
    for place in range(length - 1, -1, -1):
        chain[place] = nodes[at]
        at = nodes[at].parent
    return chain
