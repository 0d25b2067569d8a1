"""Fast beam search with k2: a lattice per segment, batch membership free at every call.

k2 keeps the states that survive each frame and, on demand, formats them into a lattice. Three of its
ways shape this module (k2/csrc/rnnt_decode.cu):

- Formatting costs time in proportion to the frames since a stream's beginning: each segment gets a
  stream of its own, so the cost never grows beyond the segment; and a segment in which no surviving
  path holds a token (silence before speech) is not formatted at all.
- Only the object that last advanced a stream can format it. Each segment remembers that object and
  its place in it; segments that nobody asks about are formatted over one frame only.
- The lattice's last frame has no scores of its own (all its arcs become final arcs of score 0). Its
  log-probabilities are kept here and put back when paths are searched, so no frame is lost.

k2 ends the process when a check of its own fails; everything that goes in is checked before.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import cast

import k2
import numpy as np
import torch
from numpy.typing import NDArray

from amira_decoder.model.affine_kernels import affine_rows, affine_scratch, whole_blocks
from amira_decoder.model.folder import ModelFolderError, TransducerFolder
from amira_decoder.model.jit import kernel
from amira_decoder.model.joint import JointNetwork
from amira_decoder.model.joint_kernels import (
    EMPTY,
    INITIAL_KEY,
    JointArrays,
    certain_blank,
    find_row,
    log_softmax,
)
from amira_decoder.model.vector_math import tanh_of_sum
from amira_decoder.search.base import MAX_N_BEST, Method, SearchOptions, Segment, check_batch, check_hotwords
from amira_decoder.search.hotwords import HotwordAutomaton
from amira_decoder.search.hypothesis import Hypothesis
from amira_decoder.search.k2_graph import graph_of
from amira_decoder.search.lattice import Lattice, search_lattice, trace_entry

_WIDTH = 4
"""Sequences kept per lattice state, at least: with fewer, alignments that part and meet again lose weight."""


class _Batch:
    """The k2 object that last advanced some segments, and how long each of them was then."""

    def __init__(self, segments: list[K2Segment], config: k2.RnntDecodingConfig) -> None:
        self.streams = k2.RnntDecodingStreams([segment.stream for segment in segments], config)
        self.size = len(segments)

    def lattices(
        self, wanted: dict[int, int], vocab: int
    ) -> dict[int, tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Arcs and arc tokens of the members `wanted` (place: frames); the others cost one frame each."""
        frames = [wanted.get(place, 1) for place in range(self.size)]
        # One level below k2.RnntDecodingStreams.format_output, which spends most of its time on
        # attributes that our graphs do not have. Not a public interface: checked with k2 1.23.4 only.
        formatted, graph_arcs = self.streams.streams.format_output(frames, True)
        arcs = formatted.values().numpy()
        shape = formatted.shape()
        splits = shape.row_splits(2)[shape.row_splits(1).long()].tolist()
        # Graph arcs come state by state, tokens 1 to V - 1 each; -1 is k2's own blank loop.
        numbers = graph_arcs.numpy()
        tokens = np.where(numbers < 0, 0, numbers % (vocab - 1) + 1).astype(np.int32)
        return {
            place: (arcs[splits[place] : splits[place + 1]], tokens[splits[place] : splits[place + 1]])
            for place in wanted
        }


class K2Segment:
    """State of one open segment."""

    __slots__ = (
        "batch", "blank_score", "hotwords", "last_keys", "last_log_probs", "lattice", "num_frames", "place",
        "silent", "stream",
    )  # fmt: skip

    def __init__(self, hotwords: HotwordAutomaton) -> None:
        self.num_frames = 0
        self.hotwords = hotwords
        self.stream = k2.RnntDecodingStream(graph_of(hotwords))
        self.silent = True
        self.blank_score = 0.0
        self.batch: _Batch | None = None
        self.place = 0
        self.last_keys = np.empty(0, np.int64)
        self.last_log_probs = np.empty((0, 0), np.float32)
        self.lattice: Lattice | None = None


class K2Search:
    """The search with k2 1.23.4 on the CPU."""

    name: Method = "k2"

    def __init__(
        self, model: TransducerFolder, options: SearchOptions, joint: JointNetwork | None = None
    ) -> None:
        if model.blank_id != 0:
            raise ModelFolderError(f"{model.name}: k2 needs blank to be token 0")
        if model.vocab_size**model.context_size * (1 << 21) >= 1 << 62:
            raise ModelFolderError(
                f"{model.name}: vocabulary and context are too large for k2: choose another search"
            )
        self._joint = joint or JointNetwork(model)
        self._vocab = model.vocab_size
        self._config = k2.RnntDecodingConfig(
            vocab_size=model.vocab_size,
            decoder_history_len=model.context_size,
            beam=options.k2_beam,
            max_contexts=options.k2_max_contexts,
            max_states=options.k2_max_states,
        )
        self._most_contexts = options.k2_max_contexts
        self._no_hotwords = HotwordAutomaton.empty(model.vocab_size)
        self._thread = 0
        warm = self.start_segment()
        self.advance([warm], np.zeros((1, 2, self._joint.dim), np.float32))
        warm.silent = False
        self.best([warm])

    def start_segment(self, hotwords: HotwordAutomaton | None = None) -> K2Segment:
        """Opens a segment."""
        check_hotwords(hotwords, self._vocab)
        return K2Segment(hotwords or self._no_hotwords)

    def advance(self, segments: Sequence[Segment], encoder_out: NDArray[np.float32]) -> None:
        """See Search.advance."""
        encoder_out = check_batch(segments, encoder_out, self._joint.dim)
        if not encoder_out.size:
            return
        self._use_one_thread()
        usable = np.isfinite(encoder_out).all(axis=2)
        group = [cast(K2Segment, segment) for segment in segments]
        self._joint.table.reserve(2 * self._most_contexts * len(group))
        batch = _Batch(group, self._config)
        blank_scores = np.zeros(len(group))
        for t in range(encoder_out.shape[1]):
            shape, contexts = batch.streams.get_contexts()
            owners, keys = shape.row_ids(1).numpy(), self._keys(contexts)
            log_probs = self._log_probs(encoder_out, usable, t, owners, keys)
            batch.streams.advance(torch.from_numpy(log_probs))
            begins = keys == INITIAL_KEY
            blank_scores[owners[begins]] += log_probs[begins, 0]
        batch.streams.terminate_and_flush_to_streams()
        silent = self._silent(batch)
        bounds = np.searchsorted(owners, np.arange(len(group) + 1))
        for place, segment in enumerate(group):
            segment.batch, segment.place, segment.lattice = batch, place, None
            segment.num_frames += encoder_out.shape[1]
            segment.silent = bool(silent[place])
            segment.blank_score += float(blank_scores[place])
            segment.last_keys = keys[bounds[place] : bounds[place + 1]]
            segment.last_log_probs = log_probs[bounds[place] : bounds[place + 1]].copy()

    def best(self, segments: Sequence[Segment]) -> list[Hypothesis]:
        """See Search.best."""
        chosen = [cast(K2Segment, segment) for segment in segments]
        self._format([segment for segment in chosen if not segment.silent and segment.lattice is None])
        return [self._n_best(segment, 1)[0] for segment in chosen]

    def n_best(self, segment: Segment, count: int) -> list[Hypothesis]:
        """See Search.n_best: exact over the lattice."""
        segment = cast(K2Segment, segment)
        if segment.num_frames and segment.lattice is None and (count > 1 or not segment.silent):
            self._format([segment])
        return self._n_best(segment, min(max(1, count), MAX_N_BEST))

    def _n_best(self, segment: K2Segment, count: int) -> list[Hypothesis]:
        if segment.lattice is None:
            return [Hypothesis(score=segment.blank_score)]
        automaton, joint = segment.hotwords, self._joint
        entries, found = search_lattice(
            segment.lattice, automaton.next_state, automaton.earned, automaton.at_end,
            joint.blank_id, joint.key_base, joint.key_modulus, max(_WIDTH, count),
        )  # fmt: skip
        hypotheses = []
        for place in range(min(found, count)):
            tokens, frames, log_probs = trace_entry(entries, place, joint.blank_id)
            score = float(entries["score"][-1, place])
            hypotheses.append(
                Hypothesis(tuple(tokens.tolist()), tuple(frames.tolist()), tuple(log_probs.tolist()), score)
            )
        return hypotheses

    def _format(self, segments: list[K2Segment]) -> None:
        """Fetches the lattices of segments (each at least one frame long), one k2 call per batch object."""
        groups: dict[int, tuple[_Batch, list[K2Segment]]] = {}
        for segment in segments:
            assert segment.batch is not None
            groups.setdefault(id(segment.batch), (segment.batch, []))[1].append(segment)
        for batch, members in groups.values():
            lattices = batch.lattices({member.place: member.num_frames for member in members}, self._vocab)
            for member in members:
                arcs, tokens = lattices[member.place]
                member.lattice = Lattice(arcs, tokens, member.last_keys, member.last_log_probs)

    def _keys(self, contexts: torch.Tensor) -> NDArray[np.int64]:
        return _context_keys(contexts.numpy(), self._joint.key_base)

    def _silent(self, batch: _Batch) -> NDArray[np.bool_]:
        """Which members have no token on any surviving path."""
        shape, contexts = batch.streams.get_contexts()
        keys = self._keys(contexts)
        silent = np.ones(batch.size, np.bool_)
        silent[shape.row_ids(1).numpy()[keys != INITIAL_KEY]] = False
        return silent

    def _log_probs(
        self,
        encoder_out: NDArray[np.float32],
        usable: NDArray[np.bool_],
        t: int,
        owners: NDArray[np.int32],
        keys: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Log-probabilities [contexts, V] of frame `t`; `owners` [contexts] are rows of `encoder_out`."""
        log_probs = np.empty((len(keys), self._vocab), np.float32)
        missing = np.empty(len(keys), np.int64)
        while (arrays := self._joint.arrays()) is not None:
            lacking = _frame_log_probs(encoder_out, usable, t, owners, keys, arrays, log_probs, missing)
            if not lacking:
                return log_probs
            self._joint.fill(missing[:lacking])
        log_probs = self._joint.logits(encoder_out[owners, t], self._joint.rows(keys))
        for row, owner in enumerate(owners):
            if usable[owner, t]:
                log_softmax(log_probs[row], 0)
            else:
                certain_blank(log_probs[row], 0)
        return log_probs

    def _use_one_thread(self) -> None:
        """torch's thread count belongs to the calling thread; k2's steps are too small to share out."""
        if self._thread != threading.get_ident():
            torch.set_num_threads(1)
            self._thread = threading.get_ident()


@kernel
def _context_keys(contexts: NDArray[np.int32], base: int) -> NDArray[np.int64]:
    """Keys [n] of k2's contexts [n, context_size].

    k2 starts from blanks only; the predictor was trained to start from -1, ..., -1, blank. So a blank
    before a blank stands for -1.
    """
    keys = np.zeros(len(contexts), np.int64)
    for row in range(len(contexts)):
        for at in range(contexts.shape[1]):
            token = contexts[row, at]
            before_beginning = token == 0 and at + 1 < contexts.shape[1] and contexts[row, at + 1] == 0
            keys[row] = keys[row] * base + (0 if before_beginning else token + 1)
    return keys


@kernel
def _frame_log_probs(
    encoder_out: NDArray[np.float32],
    usable: NDArray[np.bool_],
    t: int,
    owners: NDArray[np.int32],
    keys: NDArray[np.int64],
    joint: JointArrays,
    log_probs: NDArray[np.float32],
    missing: NDArray[np.int64],
) -> int:
    """Writes `log_probs` [contexts, V]; or, where the table lacks contexts, gives their number."""
    lacking = 0
    slots = np.empty(len(keys), np.int64)
    for row in range(len(keys)):
        slots[row] = find_row(keys[row], joint.table_keys, joint.table_slots)
        if slots[row] == EMPTY:
            missing[lacking] = keys[row]
            lacking += 1
    if lacking:
        return lacking
    dim, vocab = joint.weights.shape
    hidden = np.zeros((whole_blocks(len(keys)), dim), np.float32)
    logits = np.empty((len(hidden), vocab), np.float32)
    live = 0
    for row in range(len(keys)):
        if usable[owners[row], t]:
            tanh_of_sum(encoder_out[owners[row], t], joint.table_rows[slots[row]], hidden[live])
            live += 1
    affine_rows(hidden, live, joint.weights, joint.bias, affine_scratch(), logits)
    live = 0
    for row in range(len(keys)):
        if usable[owners[row], t]:
            log_softmax(logits[live], joint.blank)
            log_probs[row] = logits[live]
            live += 1
        else:
            certain_blank(log_probs[row], joint.blank)
    return 0
