"""The vocabulary: byte-pair-like pieces of words (sentencepiece), blank first, as icefall numbers them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from amira_training.errors import DataError
from amira_training.files import whole
from amira_training.model.geometry import BLANK

_SYMBOLS = ["<blk>", "<sos/eos>"]
_UNKNOWN = 2


class Tokens:
    """Words to tokens and back.

    Args:
        model: the sentencepiece model that :func:`train_tokens` wrote.

    Raises:
        DataError: it cannot be read, or its blank is not token 0.
    """

    def __init__(self, model: Path) -> None:
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
        except (OSError, RuntimeError) as error:
            raise DataError(f"{model} is not a sentencepiece model: {error}") from error
        if self._pieces.id_to_piece(BLANK) != _SYMBOLS[0]:
            raise DataError(f"{model}: token {BLANK} is not {_SYMBOLS[0]}")

    def __len__(self) -> int:
        return int(self._pieces.get_piece_size())

    def encode(self, text: str) -> NDArray[np.int64]:
        """Normalized text -> tokens ``[U]``."""
        return np.array(self._pieces.encode(text), np.int64)

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Normalized texts -> tokens of each; much faster than one by one."""
        encoded: list[list[int]] = self._pieces.encode(list(texts))
        return encoded

    def piece(self, token: int) -> str:
        """What a token stands for, as in ``tokens.txt``."""
        return str(self._pieces.id_to_piece(token))

    def decode(self, tokens: Sequence[int]) -> str:
        """Tokens -> text; blanks and other symbols are left out."""
        text: str = self._pieces.decode([token for token in tokens if token > _UNKNOWN])
        return text

    def lines(self) -> list[str]:
        """``tokens.txt`` as sherpa-onnx and Amira read it: piece and number per line."""
        return [f"{self.piece(number)} {number}" for number in range(len(self))]


def train_tokens(texts: Iterable[str], model: Path, *, vocabulary: int) -> Tokens:
    """Learns pieces from normalized texts, writes ``model`` and ``tokens.txt`` beside it.

    Args:
        texts: one sentence each.
        model: where to write.
        vocabulary: tokens in all; a text too small for so many gives fewer.

    Raises:
        DataError: there is too little text to learn from.
    """
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=written,
            vocab_size=vocabulary,
            hard_vocab_limit=False,
            model_type="unigram",
            character_coverage=1.0,
            user_defined_symbols=_SYMBOLS,
            unk_id=_UNKNOWN,
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except (RuntimeError, ValueError) as error:
        raise DataError(f"too little text for a vocabulary: {error}") from error
    with whole(model) as part:
        part.write_bytes(written.getvalue())
    tokens = Tokens(model)
    with whole(model.with_name("tokens.txt")) as part:
        part.write_text("".join(f"{line}\n" for line in tokens.lines()), encoding="utf-8")
    return tokens
