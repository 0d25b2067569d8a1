"""Token tables: the starter model's, and odd ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_decoder.model import TokenTable, UntokenizableError

STARTER = Path(__file__).resolve().parents[3] / "models" / "starter-en"
TABLE = TokenTable.load(STARTER / "tokens.txt", STARTER / "bpe.model")
WITHOUT_BPE = TokenTable.load(STARTER / "tokens.txt")
WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12), min_size=1, max_size=6)


@given(WORDS)
def test_encoding_comes_back(words: list[str]) -> None:
    text = " ".join(words)
    for table in (TABLE, WITHOUT_BPE):
        tokens = table.encode(text)
        assert table.decode(tokens) == text
        assert len(table.word_spans(tokens)) == len(words)


def test_text_is_put_in_the_vocabulary_case(tmp_path: Path) -> None:
    assert TABLE.encode("  Hello\n WORLD ") == TABLE.encode("hello world")
    upper = load(tmp_path, "<blk>", "▁HE", "LLO", "Y")
    assert upper.decode(upper.encode("hello hey")) == "HELLO HEY"


@pytest.mark.parametrize("table", [TABLE, WITHOUT_BPE])
@pytest.mark.parametrize("text", ["", " ", "naïve", "you & me", "42", "日本", "a\x00b", "<unk>"])
def test_what_cannot_be_written(table: TokenTable, text: str) -> None:
    with pytest.raises(UntokenizableError):
        table.encode(text)


def test_longest_piece_first(tmp_path: Path) -> None:
    table = load(tmp_path, "<blk>", "▁a", "▁ab", "b", "c", "bc")
    assert table.encode("abc") == [2, 4]
    assert table.encode("ab") == [2]
    with pytest.raises(UntokenizableError, match="'d'"):
        table.encode("abd")


def test_special_tokens_are_silent(tmp_path: Path) -> None:
    table = load(tmp_path, "<blk>", "<sos/eos>", "<unk>", "▁a", "b")
    assert table.decode([3, 2, 4]) == "ab"
    assert table.decode([2, 3]) == "a"
    assert table.decode([]) == ""


def test_chinese_characters_are_words(tmp_path: Path) -> None:
    mixed = load(tmp_path, "<blk>", "▁ok", "ay", "你", "好")
    assert mixed.decode([3, 4, 1, 2]) == "你 好 okay"
    assert mixed.encode("你好 okay") == [3, 4, 1, 2]
    only = load(tmp_path, "<blk>", "你", "好")
    assert only.decode(only.encode("你好")) == "你 好"


def test_word_spans_cover_everything() -> None:
    tokens = [5, *TABLE.encode("one two"), 6]
    spans = TABLE.word_spans(tokens)
    assert [position for begin, end in spans for position in range(begin, end)] == list(range(len(tokens)))
    assert TABLE.word_spans([]) == []


def test_lexicon_symbols_are_skipped(tmp_path: Path) -> None:
    table = load(tmp_path, "<blk>", "a", "#0", "#1")
    assert len(table) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<blk> 0\nnumberless\n", "line 2"),
        ("<blk> 0\na -1\n", "line 2"),
        ("<blk> 0\na 0\n", "twice"),
        ("<blk> 0\na 99999999\n", "too large"),
        ("a 0\nb 1\n", "no blank"),
        ("", "no blank"),
    ],
)
def test_broken_files(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "tokens.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        TokenTable.load(tmp_path / "tokens.txt")


def test_broken_sentencepiece_model(tmp_path: Path) -> None:
    (tmp_path / "bpe.model").write_bytes(b"\x00garbage" * 10)
    with pytest.raises(ValueError, match=r"bpe\.model: not a SentencePiece model"):
        TokenTable.load(STARTER / "tokens.txt", tmp_path / "bpe.model")


def load(folder: Path, *pieces: str) -> TokenTable:
    path = folder / "tokens.txt"
    path.write_text("".join(f"{piece} {index}\n" for index, piece in enumerate(pieces)))
    return TokenTable.load(path)


def test_characters_written_in_bytes(tmp_path: Path) -> None:
    """As in SentencePiece vocabularies with byte fallback: rare characters come as their UTF-8 bytes."""
    table = load(tmp_path, "<blk>", "<unk>", "▁", "▁A", "<0xE8>", "<0x89>", "<0xBE>", "园")
    assert table.decode([2, 4, 5, 6, 3]) == "艾 A"
    assert table.decode([7, 4, 5, 6]) == "园艾"
    assert table.decode([2, 4, 5, 3, 5]) == "A"  # half a character is none
    assert table.text_of([4, 5, 6, 1]) == "艾"


def test_line_separators_are_tokens_like_others(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("\ufeff<blk> 0\n\u2028 1\n▁a\x85 2\r\n  3\n", encoding="utf-8")
    table = TokenTable.load(tmp_path / "tokens.txt")
    assert table.pieces == ("<blk>", "\u2028", "▁a\x85", " ")
