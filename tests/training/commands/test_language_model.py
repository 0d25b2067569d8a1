"""`language-model`: from texts and a model folder to a file that the decoder opens."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from amira_decoder.model import TransducerFolder
from amira_decoder.model.ngram import open_ngrams
from amira_decoder.search.ngram_kernels import Fusion, fill_scores, next_context
from amira_training.commands.language_model import language_model
from amira_training.errors import DataError
from amira_training.language_model.texts import HeldOut, read_texts
from amira_training.work_folder import WorkFolder

KNOWN = "the old man walked down to the harbour before the sun was up"
KEPT_BACK = "nobody but the keeper of the light had seen the ship go down"
OTHERS = ["a small boat came in", "the keeper of the light was asleep", "before the sun the ship"]


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """The bundled model but its encoder, without a language model."""
    copy = tmp_path / "model"
    shutil.copytree(model_dir, copy, ignore=shutil.ignore_patterns("encoder*", "lm.ngram"))
    (copy / "encoder.onnx").write_bytes(b"not opened here")
    return copy


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_bytes(
        gzip.compress("\n".join(lines).encode()) if path.suffix == ".gz" else "\n".join(lines).encode()
    )
    return path


def log_prob(folder: Path, text: str) -> float:
    """Of a sentence, per token, by the file in the folder."""
    model = TransducerFolder.open(folder)
    ngrams = open_ngrams(model)
    assert ngrams
    scores, context, total = np.empty(model.vocab_size, np.float32), ngrams.start, 0.0
    tokens = model.tokens.encode(text)
    for token in tokens:
        fill_scores(Fusion(ngrams.arrays, 1.0, 0.0, 0.0), context, scores)
        total += float(scores[token])
        context = next_context(ngrams.arrays, context, token)
    return total / len(tokens)


def test_learns_from_all_texts_but_not_what_is_held_out(folder: Path, tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    texts = [
        write_lines(tmp_path / "one.txt.gz", [KNOWN, KEPT_BACK + " again", KEPT_BACK]),
        write_lines(tmp_path / "two.txt", OTHERS),
    ]
    held_out = write_lines(tmp_path / "held-out.txt", ["he said " + KEPT_BACK])
    before = (folder / "SHA256SUMS").read_text()
    language_model(work, folder, texts, [held_out], order=4, most_megabytes=1)
    with_it = tmp_path / "with-it"
    shutil.copytree(folder, with_it)
    language_model(work, with_it, texts, [], order=4, most_megabytes=1)

    assert log_prob(folder, KNOWN) > -1
    assert log_prob(folder, KEPT_BACK) < -2.5
    assert log_prob(with_it, KEPT_BACK) > -1
    sums = (folder / "SHA256SUMS").read_text()
    assert "lm.ngram" in sums
    assert "lm.ngram" not in before or sums != before


def test_work_folders_sets_are_read(folder: Path, tmp_path: Path) -> None:
    """What a packed set for training says is learnt, what one for measuring says is left out."""
    work = WorkFolder(tmp_path / "work")
    work.audio.mkdir(parents=True)
    for name, texts in (("train", [KNOWN, KEPT_BACK]), ("speech-piper", OTHERS), ("dev", [KEPT_BACK])):
        rows = (f"source\t0\t16000\t{text}\tfile" for text in texts)
        (work.audio / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows))
    assert read_texts(work.audio / "train.tsv") == [KNOWN, KEPT_BACK]
    language_model(work, folder, [], [], order=3, most_megabytes=1)
    assert log_prob(folder, KNOWN) > -1.5
    assert log_prob(folder, OTHERS[0]) > -1.5
    assert log_prob(folder, KEPT_BACK) < -2.5


def test_nothing_to_learn_from(folder: Path, tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    with pytest.raises(DataError, match="no sentence to learn from"):
        language_model(work, folder, [], [], order=4, most_megabytes=1)
    text = write_lines(tmp_path / "text.txt", [KEPT_BACK])
    with pytest.raises(DataError, match="no sentence to learn from"):
        language_model(work, folder, [text], [text], order=4, most_megabytes=1)
    (folder / "bpe.model").write_bytes(b"?")
    with pytest.raises(DataError, match="not a sentencepiece model"):
        language_model(work, folder, [text], [], order=4, most_megabytes=1)
    assert not (folder / "lm.ngram").exists()


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("seven words of this are not enough", True),
        ("well one two three four five six", False),
        ("one two three four five seven", True),
        ("short text", False),
        ("a short text", True),
    ],
)
def test_six_words_in_a_row(sentence: str, kept: bool) -> None:
    held_out = HeldOut(["one two three four five six seven", "short text"])
    assert held_out.keep_out([sentence]) == ([sentence] if kept else [])
