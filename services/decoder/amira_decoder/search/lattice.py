"""The likeliest token sequences through a lattice of k2's frame-synchronous search.

A lattice state stands for (frame, predictor context, hotword state), so both of the latter are known
from the arcs alone: arcs come sorted by source state, and states by frame. At every state the
`width` best distinct token sequences are kept, each with the summed probability of its alignments
(which is what a transducer's probability of a sequence is, and lowers the word error rate against
the single best alignment that k2.shortest_path takes). With `width` above the number of sequences
in the lattice the result is exact.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.jit import kernel
from amira_decoder.model.joint_kernels import INITIAL_KEY, push_key
from amira_decoder.search.beam_kernels import extend_digest

ENTRY = np.dtype(
    [
        ("score", "f8"),  # of the token sequence, over all its alignments so far
        ("share", "f8"),  # the part of it that came over the arc which `before` tells of
        ("digest", "i8"),  # hash of the sequence
        ("before", "i4"),  # entry that it comes from, or -1
        ("token", "i4"),  # token of the last arc, blank too
        ("log_prob", "f4"),  # the model's log-probability of that token
    ],
    align=True,
)
"""A token sequence that reaches a state."""

EntryArray = NDArray[Any]


class Lattice(NamedTuple):
    """One segment's lattice. The search's last frame is in it, with its scores apart (see k2_search)."""

    arcs: NDArray[np.int32]
    """[arcs, 4]: source state, destination state, anything, score as the bits of a float32."""
    tokens: NDArray[np.int32]
    """[arcs] token of each arc, blank included."""
    last_keys: NDArray[np.int64]
    """[contexts] context keys before the last frame."""
    last_log_probs: NDArray[np.float32]
    """[contexts, V] log-probabilities on the last frame."""


@kernel
def _offer(
    entries: EntryArray, count: int, score: float, digest: int, before: int, token: int, log_prob: float
) -> int:
    """Adds a sequence to a state's sorted list [width]; gives the list's new length."""
    at = 0
    while at < count and entries[at].digest != digest:
        at += 1
    total = score
    known = at < count
    if known:
        high, low = max(score, entries[at].score), min(score, entries[at].score)
        total = high + math.log1p(math.exp(low - high))
        if score <= entries[at].share:
            share, before, token, log_prob = (
                entries[at].share, entries[at].before, entries[at].token, entries[at].log_prob
            )  # fmt: skip
        else:
            share = score
    else:
        share = score
        if count < len(entries):
            at = count
            count += 1
        else:
            at = count - 1
            if score <= entries[at].score:
                return count
    while at > 0 and entries[at - 1].score < total:
        entries[at] = entries[at - 1]
        at -= 1
    entries[at].score = total
    entries[at].share = share
    entries[at].digest = digest
    entries[at].before = before
    entries[at].token = token
    entries[at].log_prob = log_prob
    return count


@kernel
def search_lattice(
    lattice: Lattice,
    next_state: NDArray[np.int32],
    earned: NDArray[np.float32],
    at_end: NDArray[np.float32],
    blank: int,
    base: int,
    modulus: int,
    width: int,
) -> tuple[EntryArray, int]:
    """Entries [states, width] of the whole lattice, and how many the final (last) state has."""
    arcs = lattice.arcs
    scores = arcs[:, 3].view(np.float32)
    final = arcs[:, 1].max()
    entries = np.empty((final + 1, width), ENTRY)
    counts = np.zeros(final + 1, np.int64)
    keys = np.zeros(final + 1, np.int64)
    hotword_states = np.zeros(final + 1, np.int64)
    keys[0] = INITIAL_KEY
    counts[0] = _offer(entries[0], 0, 0.0, 0, -1, blank, 0.0)
    for arc in range(len(arcs)):
        source, target, token = arcs[arc, 0], arcs[arc, 1], lattice.tokens[arc]
        if counts[source] == 0:
            continue
        boost = np.float32(0)
        key, state = keys[source], hotword_states[source]
        after = state
        if token != blank:
            boost = earned[state, token]
            after = next_state[state, token]
        if target == final:
            context = 0
            while lattice.last_keys[context] != key:
                context += 1
            log_prob = lattice.last_log_probs[context, token]
            gain = log_prob + boost + at_end[after]
        else:
            log_prob = scores[arc] - boost
            gain = scores[arc]
            keys[target] = key if token == blank else push_key(key, token, base, modulus)
            hotword_states[target] = after
        for place in range(counts[source]):
            entry = entries[source, place]
            digest = entry.digest if token == blank else extend_digest(entry.digest, token)
            before = source * width + place
            counts[target] = _offer(
                entries[target], counts[target], entry.score + gain, digest, before, token, log_prob
            )
    return entries, counts[final]


@kernel
def trace_entry(
    entries: EntryArray, place: int, blank: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Tokens, their frames and log-probabilities of one entry of the final state."""
    width = entries.shape[1]
    flat = entries.reshape(-1)
    last = (len(entries) - 1) * width + place
    frames = 0
    length = 0
    at = last
    while flat[at].before >= 0:
        frames += 1
        if flat[at].token != blank:
            length += 1
        at = flat[at].before
    tokens = np.empty(length, np.int32)
    at_frames = np.empty(length, np.int32)
    log_probs = np.empty(length, np.float32)
    at = last
    while flat[at].before >= 0:
        frames -= 1
        if flat[at].token != blank:
            length -= 1
            tokens[length] = flat[at].token
            at_frames[length] = frames
            log_probs[length] = min(flat[at].log_prob, np.float32(0))
        at = flat[at].before
    return tokens, at_frames, log_probs
