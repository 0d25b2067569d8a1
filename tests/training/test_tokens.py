"""The vocabulary: blank first, words survive the way there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_training.errors import DataError
from amira_training.tokens import Tokens, train_tokens

TEXTS = ["the bell in the tower", "it's one o'clock", "wind from the sea", "a low tone", "hello there"] * 4


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return train_tokens(TEXTS, tmp_path / "bpe.model", vocabulary=60)


def test_blank_is_zero_and_never_said(tokens: Tokens) -> None:
    assert tokens.lines()[0] == "<blk> 0"
    assert all(min(tokens.encode(text)) > 2 for text in TEXTS)


@pytest.mark.parametrize("text", [*TEXTS[:5], "hollow bottle", ""])
def test_words_survive(tokens: Tokens, text: str) -> None:
    assert tokens.decode(tokens.encode(text).tolist()) == text


def test_symbols_are_not_text(tokens: Tokens) -> None:
    spoken = tokens.encode(TEXTS[0]).tolist()
    assert tokens.decode([0, *spoken, 1, 2, 0]) == TEXTS[0]


def test_the_table_beside_it_has_every_token_once(tokens: Tokens, tmp_path: Path) -> None:
    lines = (tmp_path / "tokens.txt").read_text().splitlines()
    assert [int(line.rsplit(" ", 1)[1]) for line in lines] == list(range(len(tokens)))
    assert len({line.rsplit(" ", 1)[0] for line in lines}) == len(tokens)


def test_a_small_text_gives_fewer_tokens(tmp_path: Path) -> None:
    tokens = train_tokens(["one low tone"] * 3, tmp_path / "bpe.model", vocabulary=500)
    assert 5 < len(tokens) < 500
    assert tokens.decode(tokens.encode("low tone").tolist()) == "low tone"


def test_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too little text"):
        train_tokens([], tmp_path / "bpe.model", vocabulary=500)
    assert not (tmp_path / "bpe.model").exists()


def test_another_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bpe.model").write_bytes(b"not a model")
    with pytest.raises(DataError, match="not a sentencepiece model"):
        Tokens(tmp_path / "bpe.model")
