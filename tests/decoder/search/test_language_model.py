"""The beam search with a language model, against the sum over all alignments and the slow way."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from amira_decoder.model import ModelFolderError, TransducerFolder
from amira_decoder.model.joint import JointNetwork
from amira_decoder.search import (
    Hotword,
    HotwordAutomaton,
    Hypothesis,
    SearchOptions,
    available_methods,
    create_search,
)
from tests.decoder.search.decoding import decode, decode_batch, open_segments
from tests.decoder.search.test_exhaustive import FRAMES, earned, enumerate_alignments
from tests.decoder.search.tiny_model import DIM, write_tiny_model
from tests.support.ngrams import BackOff, random_sentences, write_model

PIECES = ["▁a", "b", "▁c"]
VOCABULARY = 1 + len(PIECES)
SCALE, BONUS, INTERNAL = 0.7, 0.9, 0.4
FUSED = SearchOptions(num_active_paths=64, lm_scale=SCALE, lm_bonus=BONUS, internal_lm_scale=INTERNAL)
OFF = SearchOptions(num_active_paths=64, lm_scale=0.0, lm_bonus=BONUS)


def tiny(folder: Path, activation: str = "Tanh") -> tuple[TransducerFolder, BackOff]:
    """A tiny transducer with a language model."""
    write_tiny_model(folder, PIECES, activation=activation, seed=3)
    expected = write_model(
        folder / "lm.ngram", random_sentences(VOCABULARY, 80, 5), ["<blk>", *PIECES], order=3
    )
    return TransducerFolder.open(folder), expected


def noise(frames: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 1.5, (frames, DIM)).astype(np.float32)


def fused(language_model: BackOff, tokens: Sequence[int]) -> float:
    return sum(SCALE * language_model.log_prob(token, tokens[:at]) + BONUS for at, token in enumerate(tokens))


def predicted(model: TransducerFolder, tokens: Sequence[int]) -> float:
    """Log-probability of tokens by the predictor alone: the joiner hears zeros, blank cannot come."""
    decoder = onnxruntime.InferenceSession(str(model.decoder))
    joiner = onnxruntime.InferenceSession(str(model.joiner))
    total, nothing = 0.0, np.zeros((1, DIM), np.float32)
    for at, token in enumerate(tokens):
        context = [-1, 0, *tokens[:at]][-2:]
        row = decoder.run(None, {"y": np.array([context])})[0]
        logits = joiner.run(None, {"encoder_out": nothing, "decoder_out": row})[0][0].astype(np.float64)
        total += float(logits[token] - np.log(np.exp(logits[1:]).sum()))
    return total


def as_tuples(hypotheses: Sequence[Hypothesis]) -> list[tuple[object, ...]]:
    return [dataclasses.astuple(hypothesis) for hypothesis in hypotheses]


@pytest.mark.parametrize("activation", ["Tanh", "Relu"])
@pytest.mark.parametrize("boosted", [False, True])
def test_every_sequence_with_its_whole_score(boosted: bool, activation: str, tmp_path: Path) -> None:
    """Acoustics over all alignments, language models, bonus, hotwords; best first by the sum of all."""
    model, language_model = tiny(tmp_path, activation)
    frames, automaton = noise(FRAMES, 1), None
    if boosted:
        automaton = HotwordAutomaton.build([Hotword("ab", 1.5), Hotword("c", -1.0)], model.tokens)
    search = create_search("beam", model, FUSED)
    segment = search.start_segment(automaton)
    for t in range(FRAMES):
        search.advance([segment], frames[None, t : t + 1])
    found = search.n_best(segment, 64)
    alignments = enumerate_alignments(model, frames)

    assert {hypothesis.tokens for hypothesis in found} == set(alignments)
    for hypothesis in found:
        total = math.log(sum(math.exp(score) for score, _, _ in alignments[hypothesis.tokens]))
        expected = total + earned(automaton, hypothesis.tokens) + fused(language_model, hypothesis.tokens)
        expected -= INTERNAL * predicted(model, hypothesis.tokens)
        assert hypothesis.score == pytest.approx(expected, abs=0.1)  # codes round
        parts = {at: parts for _, at, parts in alignments[hypothesis.tokens]}
        # What confidences are made of is the acoustic model's alone.
        assert hypothesis.log_probs == pytest.approx(parts[hypothesis.frames], abs=1e-3)
    scores = [hypothesis.score for hypothesis in found]
    assert scores == sorted(scores, reverse=True)
    plain = create_search("beam", model, OFF)
    order = [
        hypothesis.tokens for hypothesis in plain.n_best(open_segments(plain, [frames], [automaton])[0], 64)
    ]
    assert order != [hypothesis.tokens for hypothesis in found]


@pytest.mark.parametrize("activation", ["Tanh", "Relu"])
def test_off_is_as_if_there_were_none(activation: str, tmp_path: Path) -> None:
    """To the last bit; the bonus has no part either."""
    model, _ = tiny(tmp_path / "with", activation)
    shutil.copytree(tmp_path / "with", tmp_path / "without")
    (tmp_path / "without" / "lm.ngram").unlink()
    bare = TransducerFolder.open(tmp_path / "without")
    assert model.language_model is not None
    assert bare.language_model is None
    narrow = dataclasses.replace(OFF, num_active_paths=3)
    searches = [
        create_search("beam", folder, options)
        for folder, options in (
            (model, narrow),
            (bare, narrow),
            (bare, dataclasses.replace(narrow, lm_scale=SCALE)),
        )
    ]
    for seed in range(20):
        frames = noise(30, seed)
        off, none, wanted = ([decode(search, frames)] for search in searches)
        assert as_tuples(off) == as_tuples(none) == as_tuples(wanted)


@pytest.mark.parametrize("method", [method for method in available_methods() if method != "beam"])
def test_other_searches_do_not_use_it(method: str, tmp_path: Path) -> None:
    model, _ = tiny(tmp_path)
    on, off = (
        create_search(method, model, SearchOptions(lm_scale=scale))  # type: ignore[arg-type]  # one of the methods
        for scale in (SCALE, 0.0)
    )
    assert as_tuples([decode(on, noise(40, 1))]) == as_tuples([decode(off, noise(40, 1))])


@pytest.mark.parametrize("activation", ["Tanh", "Relu"])
def test_streams_do_not_mix(activation: str, tmp_path: Path) -> None:
    """Alone, or in a batch that others join and leave, hotwords or not: the same to the last bit."""
    model, _ = tiny(tmp_path, activation)
    search = create_search("beam", model, dataclasses.replace(FUSED, num_active_paths=4))
    utterances = [noise(20 + 7 * number, number) for number in range(9)]
    automaton = HotwordAutomaton.build([Hotword("ab", 1.0)], model.tokens)
    hotwords = [automaton if number % 3 == 0 else None for number in range(9)]
    alone = [decode(search, frames, hotwords[at]) for at, frames in enumerate(utterances)]
    together = decode_batch(search, utterances, hotwords, starts=[number % 4 for number in range(9)])
    assert together == alone
    assert len({hypothesis.tokens for hypothesis in alone}) > 1


def test_every_segment_begins_as_a_sentence_does(tmp_path: Path) -> None:
    """Nothing of the segment before is left, whatever it ended with."""
    model, _ = tiny(tmp_path)
    search = create_search("beam", model, FUSED)
    first = decode(search, noise(10, 1))
    decode(search, noise(33, 2))
    assert decode(search, noise(10, 1)) == first


def test_chunks_do_not_matter(tmp_path: Path) -> None:
    model, _ = tiny(tmp_path)
    search, frames = create_search("beam", model, FUSED), noise(50, 4)
    segment = search.start_segment(None)
    for begin, end in ((0, 1), (1, 20), (20, 23), (23, 50)):
        search.advance([segment], frames[None, begin:end])
        search.best([segment])
    assert search.best([segment])[0].tokens == decode(search, frames).tokens


def test_a_damaged_file_is_refused_and_off_does_not_read_it(tmp_path: Path) -> None:
    model, _ = tiny(tmp_path)
    assert model.language_model
    model.language_model.write_bytes(model.language_model.read_bytes()[:-9])
    with pytest.raises(ModelFolderError, match="set lm_scale to 0"):
        create_search("beam", model, FUSED)
    assert decode(create_search("beam", model, OFF), noise(10, 1)).tokens
    for method in available_methods():
        if method != "beam":
            create_search(method, model, FUSED)


def test_a_strong_one_is_heard_where_the_acoustics_say_nothing(
    starter: TransducerFolder, tmp_path: Path
) -> None:
    """Over the real model's vocabulary: noise comes out as the one sentence that is known."""
    folder = tmp_path / "starter"
    shutil.copytree(starter.path, folder, ignore=shutil.ignore_patterns("encoder*", "lm.ngram"))
    (folder / "encoder.onnx").write_bytes(b"not read by the search")
    sentence = "the cat sat on the mat"
    write_model(folder / "lm.ngram", [starter.tokens.encode(sentence)] * 50, starter.tokens.pieces, order=5)
    model = TransducerFolder.open(folder)
    search = create_search("beam", model, SearchOptions(lm_scale=5.0, lm_bonus=15.0, internal_lm_scale=0.0))
    frames = np.random.default_rng(0).normal(0, 0.05, (60, JointNetwork(model).dim)).astype(np.float32)
    assert sentence in starter.tokens.decode(decode(search, frames).tokens)
