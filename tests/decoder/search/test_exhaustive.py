"""Both beam searches against the sum over all alignments, where those can be enumerated."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from amira_decoder.model import TransducerFolder
from amira_decoder.search import (
    Hotword,
    HotwordAutomaton,
    Method,
    SearchOptions,
    available_methods,
    create_search,
)
from tests.decoder.search.tiny_model import DIM, write_tiny_model

FRAMES = 3
WIDE = SearchOptions(num_active_paths=64, k2_beam=50, k2_max_contexts=64, k2_max_states=512)


def enumerate_alignments(
    model: TransducerFolder, frames: NDArray[np.float32]
) -> dict[tuple[int, ...], list[tuple[float, tuple[int, ...], tuple[float, ...]]]]:
    """Token sequence -> (log-probability, token frames, token log-probabilities) of its alignments."""
    decoder = onnxruntime.InferenceSession(str(model.decoder))
    joiner = onnxruntime.InferenceSession(str(model.joiner))
    found = defaultdict(list)
    for labels in itertools.product(range(model.vocab_size), repeat=len(frames)):
        context = [-1] * (model.context_size - 1) + [0]
        total, at, parts = 0.0, [], []
        for t, label in enumerate(labels):
            row = decoder.run(None, {"y": np.array([context])})[0]
            logits = joiner.run(None, {"encoder_out": frames[t : t + 1], "decoder_out": row})[0][0]
            log_prob = float(logits[label] - np.log(np.exp(logits.astype(np.float64)).sum()))
            total += log_prob
            if label:
                context = [*context[1:], label]
                at.append(t)
                parts.append(log_prob)
        found[tuple(label for label in labels if label)].append((total, tuple(at), tuple(parts)))
    return found


def earned(automaton: HotwordAutomaton | None, tokens: tuple[int, ...]) -> float:
    state, total = 0, 0.0
    if automaton is None:
        return 0.0
    for token in tokens:
        total += float(automaton.earned[state, token])
        state = int(automaton.next_state[state, token])
    return total + float(automaton.at_end[state])


@pytest.mark.parametrize("activation", ["Tanh", "Relu"])
@pytest.mark.parametrize("boosted", [False, True])
@pytest.mark.parametrize("method", [m for m in available_methods() if m != "greedy"])
def test_every_sequence_with_its_whole_probability(
    method: Method, boosted: bool, activation: str, tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / "tiny", ["▁a", "b", "▁c"], activation=activation, seed=3)
    frames = np.random.default_rng(1).normal(0, 1.5, (FRAMES, DIM)).astype(np.float32)
    automaton = None
    if boosted:
        automaton = HotwordAutomaton.build(
            [Hotword("ab", 1.5), Hotword("c", -1.0), Hotword("ab c", 2.0)], model.tokens
        )
    search = create_search(method, model, WIDE)
    segment = search.start_segment(automaton)
    for t in range(FRAMES):
        search.advance([segment], frames[None, t : t + 1])
    found = search.n_best(segment, 64)
    expected = enumerate_alignments(model, frames)

    assert {h.tokens for h in found} == set(expected)
    for hypothesis in found:
        alignments = expected[hypothesis.tokens]
        total = math.log(sum(math.exp(score) for score, _, _ in alignments))
        assert hypothesis.score == pytest.approx(total + earned(automaton, hypothesis.tokens), abs=1e-3)
        parts = {at: parts for _, at, parts in alignments}
        assert hypothesis.log_probs == pytest.approx(parts[hypothesis.frames], abs=1e-3)
    scores = [h.score for h in found]
    assert scores == sorted(scores, reverse=True)
    assert search.best([segment])[0].tokens == found[0].tokens


@pytest.mark.parametrize("context_size", [1, 3])
@pytest.mark.parametrize("method", available_methods())
def test_other_context_sizes(method: Method, context_size: int, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny", ["▁a", "b", "▁c"], context_size=context_size, seed=5)
    frames = np.random.default_rng(2).normal(0, 2, (FRAMES, DIM)).astype(np.float32)
    search = create_search(method, model, WIDE)
    segment = search.start_segment(None)
    search.advance([segment], frames[None])
    best = search.best([segment])[0]
    alignments = enumerate_alignments(model, frames)
    if method == "greedy":
        totals = {at: total for total, at, _ in alignments[best.tokens]}
        assert best.score == pytest.approx(totals[best.frames], abs=1e-4)
    else:
        sums = {t: math.log(sum(math.exp(a[0]) for a in found)) for t, found in alignments.items()}
        assert best.tokens == max(sums, key=sums.__getitem__)
