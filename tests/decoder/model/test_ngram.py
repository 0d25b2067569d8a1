"""The language model's file: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_decoder.model import ModelFolderError, TransducerFolder
from amira_decoder.model.ngram import Ngrams, open_ngrams
from amira_decoder.search.ngram_kernels import Fusion, fill_scores, next_context
from tests.decoder.search.tiny_model import write_tiny_model
from tests.support.ngrams import BackOff, random_sentences, write_model

PIECES = ["▁a", "b", "▁c", "d"]
VOCABULARY = 1 + len(PIECES)
HEADER_BYTES = 96
CHECKSUM_AT = 28


def opened(folder: Path) -> Ngrams:
    ngrams = open_ngrams(TransducerFolder.open(folder))
    assert ngrams is not None
    return ngrams


def with_model(folder: Path, sentences: list[list[int]], order: int = 4, most_bytes: int = 10**9) -> BackOff:
    """A tiny transducer with a language model."""
    if not (folder / "tokens.txt").exists():
        write_tiny_model(folder, PIECES)
    return write_model(folder / "lm.ngram", sentences, ["<blk>", *PIECES], order=order, most_bytes=most_bytes)


def walk(ngrams: Ngrams, tokens: tuple[int, ...]) -> int:
    context = ngrams.start
    for token in tokens:
        context = next_context(ngrams.arrays, context, token)
    return context


def rounding(ngrams: Ngrams) -> float:
    """Most by which codes may change a log-probability."""
    steps = [float(values[1] - values[0]) for values in (ngrams.arrays.log_probs, ngrams.arrays.back_offs)]
    return steps[0] / 2 + (ngrams.order - 1) * steps[1] / 2 + 1e-5


def check_all(ngrams: Ngrams, expected: BackOff, longest: int) -> None:
    """Every token after every sequence of up to `longest` tokens."""
    scores = np.empty(VOCABULARY, np.float32)
    fusion = Fusion(ngrams.arrays, 1.0, 0.0, 0.0)
    for length in range(longest + 1):
        for tokens in itertools.product(range(1, VOCABULARY), repeat=length):
            fill_scores(fusion, walk(ngrams, tokens), scores)
            wanted = [expected.log_prob(token, tokens) for token in range(1, VOCABULARY)]
            assert scores[1:] == pytest.approx(np.maximum(wanted, -16), abs=rounding(ngrams))


@pytest.mark.parametrize("most_bytes", [10**9, 3500, 2600, 0])
def test_all_that_is_written_is_read(most_bytes: int, tmp_path: Path) -> None:
    expected = with_model(tmp_path, random_sentences(VOCABULARY, 60, 3), 4, most_bytes)
    ngrams = opened(tmp_path)
    assert ngrams.order == 4
    assert ngrams.num_ngrams == len(expected.log_probs)
    check_all(ngrams, expected, 5)


@given(
    st.lists(st.lists(st.integers(1, VOCABULARY - 1), max_size=8), min_size=1, max_size=20).filter(any),
    st.integers(2, 5),
    st.integers(2300, 3500),
)
@settings(deadline=None, max_examples=40)
def test_any_text(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[int]], order: int, most_bytes: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-text"
    expected = with_model(folder, sentences, order, most_bytes)
    check_all(opened(folder), expected, 3)


def test_scale_and_bonus(tmp_path: Path) -> None:
    with_model(tmp_path, random_sentences(VOCABULARY, 60, 3))
    ngrams = opened(tmp_path)
    plain, weighted = np.empty(VOCABULARY, np.float32), np.empty(VOCABULARY, np.float32)
    context = walk(ngrams, (1, 2))
    fill_scores(Fusion(ngrams.arrays, 1.0, 0.0, 0.0), context, plain)
    fill_scores(Fusion(ngrams.arrays, 0.4, 1.5, 0.0), context, weighted)
    assert weighted == pytest.approx(0.4 * plain + 1.5, abs=1e-5)


def test_a_sentences_start_is_a_context(tmp_path: Path) -> None:
    with_model(tmp_path, [[1, 2, 3]] * 20 + [[1, 3, 2]] * 20)
    ngrams = opened(tmp_path)
    scores = np.empty(VOCABULARY, np.float32)
    fill_scores(Fusion(ngrams.arrays, 1.0, 0.0, 0.0), ngrams.start, scores)
    assert scores.argmax() == 1
    assert np.exp(scores[1]) > 0.9
    assert np.exp(ngrams.arrays.unigrams[1]) < 0.5


def test_no_language_model(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path, PIECES)
    assert folder.language_model is None
    assert open_ngrams(folder) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TransducerFolder:
    path = tmp_path_factory.mktemp("with-model")
    with_model(path, random_sentences(VOCABULARY, 60, 3))
    return TransducerFolder.open(path)


@pytest.fixture(scope="module")
def whole(folder: TransducerFolder) -> bytes:
    assert folder.language_model
    return folder.language_model.read_bytes()


def refused(folder: TransducerFolder, data: bytes, why: str) -> None:
    assert folder.language_model
    folder.language_model.write_bytes(data)
    with pytest.raises(ModelFolderError, match=rf"lm\.ngram: .*{why}.*; make it anew with"):
        open_ngrams(folder)


def test_foreign_files(folder: TransducerFolder, whole: bytes) -> None:
    refused(folder, b"", "not a language model of Amira's")
    refused(folder, b"\\data\\\nngram 1=3\n" * 40, "not a language model of Amira's")
    refused(folder, whole[: HEADER_BYTES - 1], "not a language model of Amira's")
    refused(folder, whole[:8] + struct.pack("<I", 2) + whole[12:], "version 2, this decoder reads version 1")
    refused(folder, whole[:16] + struct.pack("<I", 99) + whole[20:], "another vocabulary")
    refused(folder, whole[:40] + b"?" + whole[41:], "another vocabulary")
    refused(folder, whole[:20] + struct.pack("<I", 2**32 - 1) + whole[24:], "cut off")


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_damage_is_noticed(folder: TransducerFolder, whole: bytes, data: st.DataObject) -> None:
    """Cut anywhere, grown, or with any bit of the arrays turned over."""
    how = data.draw(st.sampled_from(["cut", "grown", "bit"]))
    if how == "cut":
        refused(folder, whole[: data.draw(st.integers(1, len(whole) - 1))], "")
    elif how == "grown":
        refused(folder, whole + data.draw(st.binary(min_size=1, max_size=64)), "damaged")
    else:
        at, bit = data.draw(st.integers(HEADER_BYTES, len(whole) - 1)), data.draw(st.integers(0, 7))
        refused(folder, whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :], "damaged")


@given(st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=300)
def test_a_lying_file_leads_no_kernel_astray(
    folder: TransducerFolder, whole: bytes, changes: list[tuple[int, int]]
) -> None:
    """Bytes changed and the checksum made to fit: refused, or every walk stays among the contexts."""
    assert folder.language_model
    body = bytearray(whole[HEADER_BYTES:])
    for at, value in changes:
        body[at % len(body)] = value
    checksum = struct.pack("<I", zlib.crc32(body))
    folder.language_model.write_bytes(
        whole[:CHECKSUM_AT] + checksum + whole[CHECKSUM_AT + 4 : HEADER_BYTES] + bytes(body)
    )
    try:
        ngrams = open_ngrams(folder)
    except ModelFolderError:
        return
    assert ngrams
    scores = np.empty(VOCABULARY, np.float32)
    for context in range(len(ngrams.arrays.suffix)):
        fill_scores(Fusion(ngrams.arrays, 1.0, 0.0, 0.0), context, scores)
        assert np.isfinite(scores).all()
        for token in range(VOCABULARY):
            assert 0 <= next_context(ngrams.arrays, context, token) < len(ngrams.arrays.suffix)
