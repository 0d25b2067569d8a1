"""A language model in a model folder: shown where it is, refused where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_decoder.model import TransducerFolder
from amira_local.models.report import UnusableModelError, describe, open_model
from tests.support.ngrams import random_sentences, write_model


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """The bundled model without a language model."""
    for file in model_dir.iterdir():
        if file.name != "lm.ngram":
            (tmp_path / file.name).symlink_to(file)
    return tmp_path


def test_info_shows_it(folder: Path) -> None:
    assert dict(describe(open_model(folder)))["language model"] == "none"
    pieces = TransducerFolder.open(folder).tokens.pieces
    held = write_model(folder / "lm.ngram", random_sentences(len(pieces), 50, 1), pieces, order=4)
    shown = dict(describe(open_model(folder)))["language model"]
    assert shown.startswith("lm.ngram (0.0 MB): ")
    assert f"{len(held.log_probs):,} n-grams of up to 4 tokens, for the beam search" in shown


def test_info_refuses_a_foreign_one(folder: Path) -> None:
    write_model(folder / "lm.ngram", [[1, 2], [2, 1]], ["<blk>", "▁a", "b"])
    with pytest.raises(
        UnusableModelError, match=r"lm\.ngram: it was made for another vocabulary; make it anew"
    ):
        open_model(folder)
