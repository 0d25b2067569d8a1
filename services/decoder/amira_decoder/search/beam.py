"""Modified beam search: at most one token a frame, equal token sequences merged, hotwords boosted.

The algorithm is icefall's modified_beam_search, with two refinements: a hotword's boost counts
before the beam is cut, not after; and equal sequences are merged before the cut too.

Where the model folder has an n-gram language model, its score joins in the same way (shallow fusion):
every token adds lm_scale times its log-probability after the tokens before it, and lm_bonus, without
which short readings would win. What the predictor learnt of language from transcripts would count twice:
internal_lm_scale times its log-probability without audio is taken away (Meng et al. 2021, "Internal
Language Model Estimation for Domain-Adaptive End-to-End Speech Recognition"). A segment begins as a
sentence does. Token log-probabilities, from which confidences come, stay those of the acoustic model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.folder import TransducerFolder
from amira_decoder.model.joint import JointNetwork
from amira_decoder.model.joint_kernels import INITIAL_KEY, log_softmax
from amira_decoder.model.ngram import no_ngrams, open_ngrams
from amira_decoder.search import beam_kernels as kernels
from amira_decoder.search.base import Method, SearchOptions, Segment, check_batch, check_hotwords
from amira_decoder.search.hotwords import HotwordAutomaton
from amira_decoder.search.hypothesis import Hypothesis
from amira_decoder.search.ngram_kernels import Fusion


class BeamSegment:
    """State of one open segment."""

    __slots__ = ("count", "hotwords", "nodes", "num_frames", "num_nodes", "paths")

    def __init__(self, width: int, hotwords: HotwordAutomaton | None, context: int) -> None:
        self.num_frames = 0
        self.hotwords = hotwords
        self.count = 1
        self.paths = np.zeros(width, kernels.PATH)
        self.paths[0] = (0.0, INITIAL_KEY, 0, -1, 0, context)
        self.nodes = np.empty(256, kernels.NODE)
        self.num_nodes = 0

    def append(self, nodes: kernels.NodeArray) -> None:
        """Takes new nodes [m] into the arena, doubling it when it is full."""
        end = self.num_nodes + len(nodes)
        if end > len(self.nodes):
            grown = np.empty(max(end, 2 * len(self.nodes)), kernels.NODE)
            grown[: self.num_nodes] = self.nodes[: self.num_nodes]
            self.nodes = grown
        self.nodes[self.num_nodes : end] = nodes
        self.num_nodes = end

    def final_scores(self) -> NDArray[np.float64]:
        """Score of each path [count] if the segment ended now: unfinished phrases give back their boost."""
        paths = self.paths[: self.count]
        scores: NDArray[np.float64] = paths["score"]
        return scores if self.hotwords is None else scores + self.hotwords.at_end[paths["state"]]


class BeamSearch:
    """The search in numba. Needs neither k2 nor torch."""

    name: Method = "beam"

    def __init__(
        self, model: TransducerFolder, options: SearchOptions, joint: JointNetwork | None = None
    ) -> None:
        self._joint = joint or JointNetwork(model)
        self._width = options.num_active_paths
        self._no_hotwords = HotwordAutomaton.empty(model.vocab_size)
        ngrams = open_ngrams(model) if options.lm_scale else None
        self._start = ngrams.start if ngrams else 0
        self._fusion = (
            Fusion(
                ngrams.arrays,
                float(options.lm_scale),
                float(options.lm_bonus),
                float(options.internal_lm_scale),
            )
            if ngrams
            else Fusion(no_ngrams(model.vocab_size), 0.0, 0.0, 0.0)
        )
        if self._fusion.internal_scale:
            self._joint.keep_priors()
        warm = self.start_segment()
        self.advance([warm], np.zeros((1, 2, self._joint.dim), np.float32))
        self.best([warm])

    def start_segment(self, hotwords: HotwordAutomaton | None = None) -> BeamSegment:
        """Opens a segment."""
        check_hotwords(hotwords, self._joint.vocab_size)
        return BeamSegment(self._width, hotwords, self._start)

    def advance(self, segments: Sequence[Segment], encoder_out: NDArray[np.float32]) -> None:
        """See Search.advance."""
        encoder_out = check_batch(segments, encoder_out, self._joint.dim)
        if not encoder_out.size:
            return
        usable = np.isfinite(encoder_out).all(axis=2)
        batch = [cast(BeamSegment, segment) for segment in segments]
        self._joint.table.reserve(2 * self._width * len(batch))
        for hotwords, rows in _by_hotwords(batch):
            group = [batch[row] for row in rows]
            everyone = len(rows) == len(batch)
            self._advance_group(
                group,
                hotwords or self._no_hotwords,
                encoder_out if everyone else encoder_out[rows],
                usable if everyone else usable[rows],
            )

    def best(self, segments: Sequence[Segment]) -> list[Hypothesis]:
        """See Search.best."""
        return [self.n_best(segment, 1)[0] for segment in segments]

    def n_best(self, segment: Segment, count: int) -> list[Hypothesis]:
        """See Search.n_best: at most `num_active_paths`."""
        segment = cast(BeamSegment, segment)
        scores = segment.final_scores()
        order = np.argsort(-scores, kind="stable")[: max(1, count)]
        return [_hypothesis(segment, int(path), float(scores[path])) for path in order]

    def _advance_group(
        self,
        group: list[BeamSegment],
        hotwords: HotwordAutomaton,
        encoder_out: NDArray[np.float32],
        usable: NDArray[np.bool_],
    ) -> None:
        """Advances segments that share their hotwords."""
        frames = encoder_out.shape[1]
        paths = np.stack([segment.paths for segment in group])
        counts, first_node, first_frame = np.array(
            [(segment.count, segment.num_nodes, segment.num_frames) for segment in group], np.int64
        ).T.copy()
        nodes = np.empty((len(group), frames * self._width), kernels.NODE)
        num_nodes = np.zeros(len(group), np.int64)
        done = np.zeros(len(group), np.int64)
        missing = np.empty(paths.size, np.int64)
        while (arrays := self._joint.arrays()) is not None:
            lacking = kernels.decode_batch(
                encoder_out, usable, arrays, hotwords.next_state, hotwords.earned, self._fusion, paths,
                counts, nodes, num_nodes, first_node, first_frame, done, missing,
            )  # fmt: skip
            if not lacking:
                break
            self._joint.fill(missing[:lacking])
        else:
            self._advance_by_frames(
                encoder_out, usable, hotwords, paths, counts, nodes, num_nodes, first_node, first_frame
            )
        for row, segment in enumerate(group):
            segment.paths = paths[row].copy()
            segment.count = int(counts[row])
            segment.num_frames += frames
            segment.append(nodes[row, : num_nodes[row]])

    def _advance_by_frames(
        self,
        encoder_out: NDArray[np.float32],
        usable: NDArray[np.bool_],
        hotwords: HotwordAutomaton,
        paths: kernels.PathArray,
        counts: NDArray[np.int64],
        nodes: kernels.NodeArray,
        num_nodes: NDArray[np.int64],
        first_node: NDArray[np.int64],
        first_frame: NDArray[np.int64],
    ) -> None:
        """For a joiner that only onnxruntime can run: one call per frame for all paths of all segments."""
        joint, width = self._joint, self._width
        candidates, before = np.empty(2 * width, kernels.CANDIDATE), np.empty(width, kernels.PATH)
        lm_scores = np.zeros((width, joint.vocab_size), np.float32)
        lm_filled = np.full((width, 2), -1, np.int64)
        no_priors = np.empty((0, joint.vocab_size), np.float32)
        for t in range(encoder_out.shape[1]):
            live = np.flatnonzero(usable[:, t])
            if not len(live):
                continue
            owners = np.repeat(live, counts[live])
            keys = np.concatenate([paths["key"][row, : counts[row]] for row in live])
            log_probs = joint.logits(encoder_out[owners, t], joint.rows(keys))
            priors = joint.priors(keys) if self._fusion.internal_scale else no_priors
            for values in log_probs:
                log_softmax(values, joint.blank_id)
            begin = 0
            for row in live:
                rows = np.arange(begin, begin + counts[row])
                begin += counts[row]
                counts[row], num_nodes[row] = kernels.step(
                    paths[row], counts[row], log_probs, rows, first_frame[row] + t, hotwords.next_state,
                    hotwords.earned, self._fusion, priors, rows, joint.blank_id, joint.key_base,
                    joint.key_modulus, nodes[row], num_nodes[row], first_node[row], lm_scores, lm_filled,
                    candidates, before,
                )  # fmt: skip


def _by_hotwords(batch: list[BeamSegment]) -> Iterable[tuple[HotwordAutomaton | None, list[int]]]:
    """Rows of the batch, grouped by automaton: the kernel follows one at a time."""
    groups: dict[int, tuple[HotwordAutomaton | None, list[int]]] = {}
    for row, segment in enumerate(batch):
        groups.setdefault(id(segment.hotwords), (segment.hotwords, []))[1].append(row)
    return groups.values()


def _hypothesis(segment: BeamSegment, path: int, score: float) -> Hypothesis:
    chain = kernels.trace(segment.nodes, int(segment.paths["node"][path]))
    return Hypothesis(
        tuple(chain["token"].tolist()),
        tuple(chain["frame"].tolist()),
        tuple(chain["log_prob"].tolist()),
        score,
    )
