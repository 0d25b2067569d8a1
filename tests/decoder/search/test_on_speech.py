"""The searches on real speech: agreement, hotwords, n-best, independence of the batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jiwer
import numpy as np
import pytest

from amira_decoder.model import TransducerFolder
from amira_decoder.model.joint import ContextTable, JointNetwork
from amira_decoder.search import (
    Hotword,
    HotwordAutomaton,
    Hypothesis,
    Method,
    Search,
    SearchOptions,
    available_methods,
    create_search,
)
from amira_decoder.search.beam import BeamSearch
from amira_decoder.search.greedy import GreedySearch
from tests.decoder.search.conftest import Spoken
from tests.decoder.search.decoding import decode, decode_batch, open_segments

BEAMS: list[Method] = [method for method in available_methods() if method != "greedy"]


def texts(starter: TransducerFolder, hypotheses: Sequence[Hypothesis]) -> list[str]:
    return [starter.tokens.decode(hypothesis.tokens) for hypothesis in hypotheses]


def half_of_the_words(spoken: list[Spoken], starter: TransducerFolder) -> list[HotwordAutomaton | None]:
    """For each utterance, every second word that was really said, as hotwords."""
    return [
        HotwordAutomaton.build([Hotword(word, 2.0) for word in u.text.split()[::2]], starter.tokens)
        for u in spoken
    ]


@pytest.mark.parametrize("boosted", [False, True])
def test_k2_and_beam_agree(
    boosted: bool, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    if "k2" not in searches:
        pytest.skip("k2 is not installed")
    hotwords = half_of_the_words(spoken, starter) if boosted else None
    frames, truth = [u.frames for u in spoken], [u.text for u in spoken]
    alone = create_search("beam", starter, SearchOptions(lm_scale=0))  # k2 knows no language model
    k2, beam = (texts(starter, decode_batch(search, frames, hotwords)) for search in (searches["k2"], alone))
    assert abs(jiwer.wer(truth, k2) - jiwer.wer(truth, beam)) < (0.05 if boosted else 0.03)
    assert jiwer.wer(beam, k2) < 0.1
    assert sum(a == b for a, b in zip(k2, beam, strict=True)) >= len(spoken) // 2


@pytest.mark.parametrize("method", BEAMS)
def test_hotwords_help_what_was_said(
    method: Method, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    search, frames, truth = searches[method], [u.frames for u in spoken], [u.text for u in spoken]
    plain = texts(starter, decode_batch(search, frames))
    boosted = texts(starter, decode_batch(search, frames, half_of_the_words(spoken, starter)))
    assert jiwer.wer(truth, boosted) < 0.8 * jiwer.wer(truth, plain)


@pytest.mark.parametrize("method", BEAMS)
def test_beams_are_not_worse_than_greedy(
    method: Method, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    frames, truth = [u.frames for u in spoken], [u.text for u in spoken]
    errors = {
        m: jiwer.wer(truth, texts(starter, decode_batch(searches[m], frames))) for m in (method, "greedy")
    }
    assert errors[method] <= errors["greedy"] + 0.005


@pytest.mark.parametrize("method", BEAMS)
def test_hotword_flips_a_rare_word_in_every_segment(
    method: Method, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    """Words that the model misses alone and hears with a boost; again in a second segment."""
    search = searches[method]
    flipped = 0
    for utterance in spoken:
        plain = starter.tokens.decode(decode(search, utterance.frames).tokens).split()
        missed = [word for word in utterance.text.split() if len(word) > 5 and word not in plain]
        for word in missed[:1]:
            automaton = HotwordAutomaton.build([Hotword(word, 3.0)], starter.tokens)
            heard = [
                starter.tokens.decode(decode(search, utterance.frames, automaton).tokens) for _ in range(2)
            ]
            assert heard[0] == heard[1]
            flipped += word in heard[0].split()
    assert flipped >= 3


@pytest.mark.parametrize("method", BEAMS)
def test_negative_boost_removes_a_word(
    method: Method, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    """Written as the vocabulary writes it; a model that is unsure may come up with other pieces for it."""
    search, tried = searches[method], 0
    for utterance in spoken[:8]:
        plain = words_in_tokens(starter, decode(search, utterance.frames))
        words = {spelt: starter.tokens.decode(spelt) for spelt in plain}
        usual = [spelt for spelt, word in words.items() if tuple(starter.tokens.encode(word)) == spelt]
        if not usual:
            continue
        spelt = max(usual, key=lambda spelt: len(words[spelt]))
        automaton = HotwordAutomaton.build([Hotword(words[spelt], -20)], starter.tokens)
        assert spelt not in words_in_tokens(starter, decode(search, utterance.frames, automaton))
        tried += 1
    assert tried >= 6


def words_in_tokens(starter: TransducerFolder, hypothesis: Hypothesis) -> list[tuple[int, ...]]:
    """The tokens of each word."""
    spans = starter.tokens.word_spans(hypothesis.tokens)
    return [hypothesis.tokens[begin:end] for begin, end in spans]


@pytest.mark.parametrize("method", available_methods())
def test_batch_does_not_matter(
    method: Method, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    """Alone, or in a batch that streams join and leave: the same to the last bit."""
    search, some = searches[method], spoken[:10]
    hotwords = None if method == "greedy" else half_of_the_words(some, starter)
    if hotwords:
        hotwords[::2] = [None] * len(hotwords[::2])
    alone = [decode(search, u.frames, hotwords[i] if hotwords else None) for i, u in enumerate(some)]
    together = decode_batch(search, [u.frames for u in some], hotwords, starts=[i % 4 for i in range(10)])
    assert together == alone


@pytest.mark.parametrize("method", available_methods())
def test_chunk_size_does_not_matter(
    method: Method, searches: dict[Method, Search], spoken: list[Spoken]
) -> None:
    search, frames = searches[method], spoken[0].frames
    segment = search.start_segment(None)
    at = 0
    for size in [1, 7, 30, 2, *[5] * len(frames)]:
        search.advance([segment], frames[None, at : at + size])
        search.best([segment])
        at += size
    other, expected = search.best([segment])[0], decode(search, frames)
    assert (other.tokens, other.frames, other.log_probs) == (
        expected.tokens,
        expected.frames,
        expected.log_probs,
    )
    assert other.score == pytest.approx(expected.score)


@pytest.mark.parametrize("method", BEAMS)
def test_n_best(method: Method, searches: dict[Method, Search], spoken: list[Spoken]) -> None:
    search = searches[method]
    segments = open_segments(search, [u.frames for u in spoken[:6]])
    for segment, best in zip(segments, search.best(segments), strict=True):
        found = search.n_best(segment, 4)
        assert found[0].tokens == best.tokens
        assert len({h.tokens for h in found}) == len(found) > 1
        assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
        for hypothesis in found:
            assert list(hypothesis.frames) == sorted(set(hypothesis.frames))
            assert hypothesis.frames[-1] < segment.num_frames
            assert len(hypothesis.tokens) == len(hypothesis.frames) == len(hypothesis.log_probs)
            assert all(-50 < log_prob <= 0 for log_prob in hypothesis.log_probs)
        assert search.n_best(segment, 1) == [best]


def test_joiner_in_numba_equals_onnxruntime(starter: TransducerFolder, spoken: list[Spoken]) -> None:
    """The joiner that is run for any model and the one that is run for almost all give the same words."""
    general = JointNetwork(starter, affine=False)
    assert JointNetwork(starter).affine is not None
    assert general.affine is None
    for kind in (GreedySearch, BeamSearch):
        fast = decode(kind(starter, SearchOptions()), spoken[0].frames)
        slow = decode(kind(starter, SearchOptions(), general), spoken[0].frames)
        assert slow.tokens == fast.tokens
        assert slow.log_probs == pytest.approx(fast.log_probs, abs=1e-3)


@pytest.mark.parametrize("method", available_methods())
def test_small_context_table_changes_nothing(
    method: Method, searches: dict[Method, Search], starter: TransducerFolder, spoken: list[Spoken]
) -> None:
    joint = JointNetwork(starter)
    search = type(searches[method])(starter, SearchOptions(), joint)
    joint.table = ContextTable(joint.dim, 3, joint.table.vocab_size)  # starts anew all the time
    frames = [u.frames for u in spoken[:3]]
    ours = [dataclasses.astuple(h) for h in decode_batch(search, frames)]
    assert ours == [dataclasses.astuple(h) for h in decode_batch(searches[method], frames)]
    assert len(joint.table.rows) < 200


@pytest.mark.parametrize("method", available_methods())
def test_broken_frames_count_as_blank(
    method: Method, searches: dict[Method, Search], spoken: list[Spoken]
) -> None:
    search, frames = searches[method], spoken[0].frames.copy()
    frames[10:20] = np.nan
    frames[25, 3] = np.inf
    frames[30:32] = 3e38
    hypothesis = decode(search, frames)
    assert hypothesis.tokens
    assert not {*range(10, 20), 25} & set(hypothesis.frames)
    assert np.isfinite(hypothesis.log_probs).all()
    nothing = decode(search, np.full_like(frames, np.nan))
    assert nothing == Hypothesis()
