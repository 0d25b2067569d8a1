"""The token table: token ids to text and words, and text to token ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sentencepiece

WORD_START = "\u2581"
"""The mark (▁) that SentencePiece puts where a space was."""

_BLANKS = ("<blk>", "<blank>", "<eps>")
_SPECIAL = re.compile(r"<[^<>]+>")
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_DISAMBIGUATION = re.compile(r"#\d+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


class UntokenizableError(ValueError):
    """A text holds something that the vocabulary cannot write."""


@dataclass(frozen=True)
class TokenTable:
    """What each token id stands for. Built by :meth:`load` from `tokens.txt` (`piece id` a line)."""

    pieces: tuple[str, ...]
    """The piece of each id, as in `tokens.txt`; "" for an id that the file leaves out."""
    blank_id: int
    bpe: sentencepiece.SentencePieceProcessor | None = field(default=None, compare=False, repr=False)

    @classmethod
    def load(cls, tokens: Path, bpe_model: Path | None = None) -> TokenTable:
        """Reads `tokens.txt` and, where given, the SentencePiece model. ValueError: a broken file."""
        ids: dict[int, str] = {}
        # Not splitlines(), which would also cut at characters that are tokens (U+2028, U+0085).
        for number, line in enumerate(tokens.read_text(encoding="utf-8-sig").split("\n"), start=1):
            if not line.strip():
                continue
            piece, _, index = line.rstrip().rpartition(" ")
            if not index.isdecimal():
                raise ValueError(f"{tokens.name}, line {number}: expected '<piece> <id>'")
            if _DISAMBIGUATION.fullmatch(piece):
                continue  # icefall's lexicon symbols (#0, #1): the network never emits them
            if int(index) in ids or int(index) > 1_000_000:
                raise ValueError(f"{tokens.name}, line {number}: id {index} twice or too large")
            ids[int(index)] = piece
        blank = next((index for index, piece in ids.items() if piece in _BLANKS), None)
        if blank is None:
            raise ValueError(f"{tokens.name}: no blank token (one of {', '.join(_BLANKS)})")
        pieces = tuple(ids.get(index, "") for index in range(max(ids) + 1))
        return cls(pieces, blank, _load_bpe(bpe_model) if bpe_model else None)

    def __len__(self) -> int:
        return len(self.pieces)

    def __post_init__(self) -> None:
        texts = tuple(_piece_text(piece) for piece in self.pieces)
        spaced = any(piece.startswith(WORD_START) for piece in self.pieces)
        starts = tuple(
            not spaced or piece.startswith(WORD_START) or bool(_CJK.match(piece)) for piece in self.pieces
        )
        letters = "".join(texts)
        has_upper, has_lower = letters != letters.lower(), letters != letters.upper()
        case = "upper" if has_upper and not has_lower else "lower" if has_lower and not has_upper else "any"
        index = {piece: number for number, piece in enumerate(self.pieces) if piece and _usable(piece)}
        matches = ((number, _BYTE.fullmatch(piece)) for number, piece in enumerate(self.pieces))
        byte_tokens = {number: bytes.fromhex(match[1]) for number, match in matches if match}
        object.__setattr__(self, "_texts", texts)
        object.__setattr__(self, "_bytes", byte_tokens)
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_case", case)
        object.__setattr__(self, "_index", index)
        object.__setattr__(self, "_longest", max(map(len, index), default=0))

    _texts: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _bytes: dict[int, bytes] = field(init=False, compare=False, repr=False)
    _starts: tuple[bool, ...] = field(init=False, compare=False, repr=False)
    _case: str = field(init=False, compare=False, repr=False)
    _index: dict[str, int] = field(init=False, compare=False, repr=False)
    _longest: int = field(init=False, compare=False, repr=False)

    def text_of(self, tokens: Sequence[int]) -> str:
        """The letters of one word's tokens, without the word mark.

        Special tokens such as `<unk>` have none. Byte tokens (`<0xE8>`), in which SentencePiece writes
        characters that the vocabulary lacks, count together; what is no whole character is left out.
        """
        if not self._bytes:
            return "".join(self._texts[token] for token in tokens)
        parts = (self._bytes.get(token) or self._texts[token].encode() for token in tokens)
        return b"".join(parts).decode(errors="ignore")

    def word_spans(self, tokens: Sequence[int]) -> list[tuple[int, int]]:
        """Cuts a token sequence into words: [begin, end) positions that together cover all tokens."""
        begins = [at for at, token in enumerate(tokens) if at == 0 or self._starts[token]]
        return list(zip(begins, [*begins[1:], len(tokens)], strict=False))

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a token sequence, words separated by single spaces."""
        words = (self.text_of(tokens[a:b]) for a, b in self.word_spans(tokens))
        return " ".join(word for word in words if word)

    def encode(self, text: str) -> list[int]:
        """Cuts text into tokens as the model was trained to, in the letter case of the vocabulary.

        With a SentencePiece model that model cuts; without, the longest piece that fits is taken
        from left to right. Raises UntokenizableError where the vocabulary lacks a character.
        """
        words = " ".join(text.split())
        if self._case != "any":
            words = words.upper() if self._case == "upper" else words.lower()
        if not words:
            raise UntokenizableError("it is empty")
        return self._encode_bpe(words) if self.bpe is not None else self._encode_longest(words)

    def _encode_bpe(self, words: str) -> list[int]:
        assert self.bpe is not None
        found = [(piece, self._index.get(piece)) for piece in self.bpe.encode(words, out_type=str)]
        lacking = next((piece for piece, token in found if token is None), None)
        if lacking is not None:
            raise UntokenizableError(f"the model's vocabulary cannot write {lacking.strip(WORD_START)!r}")
        return [token for _, token in found if token is not None]

    def _encode_longest(self, words: str) -> list[int]:
        spaced = WORD_START + words.replace(" ", WORD_START)
        if not any(piece.startswith(WORD_START) for piece in self._index):
            spaced = words.replace(" ", "")
        tokens: list[int] = []
        at = 0
        while at < len(spaced):
            for length in range(min(self._longest, len(spaced) - at), 0, -1):
                token = self._index.get(spaced[at : at + length])
                if token is not None:
                    tokens.append(token)
                    at += length
                    break
            else:
                if spaced[at] != WORD_START:
                    raise UntokenizableError(f"the model's vocabulary cannot write {spaced[at]!r}")
                at += 1  # a mark before a piece that carries none of its own (Chinese characters)
        return tokens


def _usable(piece: str) -> bool:
    return not _SPECIAL.fullmatch(piece)


def _piece_text(piece: str) -> str:
    return piece.replace(WORD_START, "") if _usable(piece) else ""


def _load_bpe(path: Path) -> sentencepiece.SentencePieceProcessor:
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path.name}: not a SentencePiece model ({error})") from error
