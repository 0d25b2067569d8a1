"""The language model of a folder: `lm.ngram`, checked before anything walks it.

The format and the command that writes it are the training recipe's (`language-model`):
training/amira_training/language_model/ngram_file.py describes every field. It is used as it was read, which
takes milliseconds. It is not mapped: a file that is overwritten in place would then end the process.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.folder import ModelFolderError, TransducerFolder

_MAGIC = b"AMIRALM\n"
_VERSION = 1
_HEADER = struct.Struct("<8s6I32s32x")
_CODES = 256
_MOST_ORDER = 32

_REMEDY = "make it anew with the training recipe's `language-model`, take it away, or set lm_scale to 0"


class NgramArrays(NamedTuple):
    """What kernels need of a back-off model.

    Context 0 is the empty one; a context's continuations are longer contexts and leaves. Lists of tokens
    rise within a context.
    """

    unigrams: NDArray[np.float32]
    """[V] log-probabilities after the empty context."""
    log_probs: NDArray[np.float32]
    """[256] values of the codes."""
    back_offs: NDArray[np.float32]
    """[256]"""
    first_context: NDArray[np.int32]
    """[C + 1]"""
    first_leaf: NDArray[np.int32]
    """[C + 1]"""
    suffix: NDArray[np.int32]
    """[C] the longest other context that each ends with."""
    context_token: NDArray[np.uint16]
    context_prob: NDArray[np.uint8]
    context_back: NDArray[np.uint8]
    leaf_token: NDArray[np.uint16]
    """[L]"""
    leaf_prob: NDArray[np.uint8]


class Ngrams(NamedTuple):
    """An opened model."""

    arrays: NgramArrays
    order: int
    """Length of the longest n-grams."""
    start: int
    """Context at a segment's start."""

    @property
    def num_ngrams(self) -> int:
        """All that is kept, single tokens included."""
        return len(self.arrays.suffix) - 1 + len(self.arrays.leaf_token)


def open_ngrams(folder: TransducerFolder) -> Ngrams | None:
    """The folder's language model, None where it has none.

    Raises:
        ModelFolderError: the file is damaged, of another version, or made for another vocabulary.
    """
    path = folder.language_model
    if path is None:
        return None
    try:
        return _parse(path.read_bytes(), folder.tokens.pieces)
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{folder.name}/{path.name}: {error}; {_REMEDY}") from error


def no_ngrams(vocab_size: int) -> NgramArrays:
    """An empty model, of the same types: kernels are compiled once for with and without."""
    kinds = ("f4", "f4", "f4", "i4", "i4", "i4", "u2", "u1", "u1", "u2", "u1")
    sizes = (vocab_size, _CODES, _CODES, 2, 2, 1, 1, 1, 1, 0, 0)
    return NgramArrays(
        *(_view(bytes(8 * size), kind, 0, size) for kind, size in zip(kinds, sizes, strict=True))
    )


def _parse(data: bytes, pieces: Sequence[str]) -> Ngrams:
    """Reads and checks everything, so that no kernel can leave the arrays. Raises ValueError."""
    if len(data) < _HEADER.size or data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("not a language model of Amira's")
    _, version, order, vocabulary, contexts, leaves, checksum, tokenizer = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(f"its format is version {version}, this decoder reads version {_VERSION}")
    if vocabulary != len(pieces) or tokenizer != hashlib.sha256("\n".join(pieces).encode()).digest():
        raise ValueError("it was made for another vocabulary")
    arrays, end = _arrays(data, contexts, leaves)
    if end != len(data) or zlib.crc32(memoryview(data)[_HEADER.size :]) != checksum:
        raise ValueError("the file is damaged")
    if not 2 <= order <= _MOST_ORDER or not _is_sound(arrays, vocabulary):
        raise ValueError("its n-grams contradict each other")
    unigrams = np.empty(vocabulary, np.float32)
    for tokens, codes, firsts in (
        (arrays.context_token, arrays.context_prob, arrays.first_context),
        (arrays.leaf_token, arrays.leaf_prob, arrays.first_leaf),
    ):
        here = slice(int(firsts[0]), int(firsts[1]))
        unigrams[tokens[here]] = arrays.log_probs[codes[here]]
    unigrams.setflags(write=False)
    first, last = int(arrays.first_context[0]), int(arrays.first_context[1])
    start = first if first < last and arrays.context_token[first] == 0 else 0
    return Ngrams(arrays._replace(unigrams=unigrams), order, start)


def _arrays(data: bytes, contexts: int, leaves: int) -> tuple[NgramArrays, int]:
    """Views of the file, and where it should end."""
    at, views = _HEADER.size, []
    for kind, size in (
        ("f4", _CODES), ("f4", _CODES), ("i4", contexts + 1), ("i4", contexts + 1), ("i4", contexts),
        ("u2", contexts), ("u1", contexts), ("u1", contexts), ("u2", leaves), ("u1", leaves),
    ):  # fmt: skip
        views.append(_view(data, kind, at, size))
        at += -(-views[-1].nbytes // 8) * 8
    return NgramArrays(views[0], *views), at


def _view(data: bytes, kind: str, at: int, size: int) -> NDArray[Any]:
    if at + size * int(kind[1:]) > len(data):
        raise ValueError("the file is cut off")
    return np.frombuffer(data, "<" + kind, size, at)


def _is_sound(arrays: NgramArrays, vocabulary: int) -> bool:
    """Whether every number leads where it may: to longer contexts, to leaves, to tokens."""
    contexts, leaves = len(arrays.suffix), len(arrays.leaf_token)
    if not contexts or not (np.isfinite(arrays.log_probs).all() and np.isfinite(arrays.back_offs).all()):
        return False
    numbers = np.arange(contexts)
    return bool(
        _covers(arrays.first_context, 1, contexts)
        and _covers(arrays.first_leaf, 0, leaves)
        and (arrays.first_context[:-1] > numbers).all()
        and arrays.suffix[0] == 0
        and (arrays.suffix >= 0).all()
        and (arrays.suffix[1:] < numbers[1:]).all()
        and _rise(arrays.context_token[1:], arrays.first_context[1:-1] - 1, vocabulary)
        and _rise(arrays.leaf_token, arrays.first_leaf[1:-1], vocabulary)
        and _children_of_none(arrays) == vocabulary
    )


def _covers(firsts: NDArray[np.int32], begin: int, end: int) -> bool:
    rising = bool((firsts[:-1] <= firsts[1:]).all())
    return rising and int(firsts[0]) == begin and int(firsts[-1]) == end


def _rise(tokens: NDArray[np.uint16], begins: NDArray[np.int32], vocabulary: int) -> bool:
    """Whether tokens [n] are the vocabulary's and rise between one of `begins` and the next."""
    if not len(tokens):
        return True
    free = np.zeros(len(tokens) + 1, np.bool_)
    free[begins] = True
    return bool((tokens < vocabulary).all() and ((tokens[1:] > tokens[:-1]) | free[1:-1]).all())


def _children_of_none(arrays: NgramArrays) -> int:
    """Different tokens that continue the empty context."""
    contexts = arrays.context_token[int(arrays.first_context[0]) : int(arrays.first_context[1])]
    leaves = arrays.leaf_token[int(arrays.first_leaf[0]) : int(arrays.first_leaf[1])]
    return len(np.union1d(contexts, leaves))
