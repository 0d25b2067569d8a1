"""The file `lm.ngram`: contexts and their continuations in sorted arrays, used as they are read.

Little-endian. A header of 96 bytes:

    magic         8 bytes  b"AMIRALM\\n"
    version       u32      1
    order         u32      longest n-grams
    vocabulary    u32      tokens; token 0 (blank) stands for a sentence's start
    contexts      u32      C, the empty one included
    leaves        u32      L
    checksum      u32      CRC-32 of all that follows the header
    tokenizer     32 bytes SHA-256 of the pieces, token 0 first, joined by line feeds (UTF-8)
    zeros         32 bytes

Then these arrays, each padded with zeros to a multiple of 8 bytes:

    log_probs     f32 [256]   natural logarithms that the codes below stand for
    back_offs     f32 [256]
    first_context u32 [C + 1] context i's longer contexts are first_context[i] to first_context[i + 1] - 1
    first_leaf    u32 [C + 1] its other continuations, likewise, among the leaves
    suffix        u32 [C]     the longest other context that i ends with; of context 0, 0
    context_token u16 [C]     last token; of context 0, 0
    context_prob  u8 [C]      code of its log-probability given the tokens before it
    context_back  u8 [C]      code of its back-off weight
    leaf_token    u16 [L]     rising within a context, as context_token is
    leaf_prob     u8 [L]

Context 0 is the empty one; all tokens are among its continuations. Contexts are sorted by length, then
by their tokens. An n-gram without continuations of its own is a leaf: it takes three bytes. The
log-probability of a token after a context is its continuation's, or else the context's back-off weight
plus that of the token after `suffix`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amira_training.files import whole

MAGIC = b"AMIRALM\n"
VERSION = 1
FILE_NAME = "lm.ngram"

_HEADER = struct.Struct("<8s6I32s32x")
_CODES = 256


@dataclass(frozen=True)
class NgramArrays:
    """What the file holds, with values not yet coded; names and shapes as above."""

    order: int
    vocabulary: int
    first_context: NDArray[np.int64]
    first_leaf: NDArray[np.int64]
    suffix: NDArray[np.int64]
    context_token: NDArray[np.int64]
    context_prob: NDArray[np.float64]
    context_back: NDArray[np.float64]
    leaf_token: NDArray[np.int64]
    leaf_prob: NDArray[np.float64]


def size_on_disk(contexts: int, leaves: int) -> int:
    """Bytes of a file with so many contexts, the empty one included, and leaves."""
    parts = (_CODES * 4, _CODES * 4, 4 * (contexts + 1), 4 * (contexts + 1), 4 * contexts, 2 * contexts,
             contexts, contexts, 2 * leaves, leaves)  # fmt: skip
    return _HEADER.size + sum(-(-part // 8) * 8 for part in parts)


def tokenizer_digest(pieces: Iterable[str]) -> bytes:
    """What ties a file to a vocabulary."""
    return hashlib.sha256("\n".join(pieces).encode()).digest()


def write_ngrams(path: Path, arrays: NgramArrays, pieces: Sequence[str]) -> None:
    """Writes the file; it is there completely or not at all."""
    log_probs, (context_prob, leaf_prob) = _coded([arrays.context_prob, arrays.leaf_prob])
    back_offs, (context_back,) = _coded([arrays.context_back])
    body = b"".join(
        _padded(values.astype(kind).tobytes())
        for values, kind in (
            (log_probs, "<f4"),
            (back_offs, "<f4"),
            (arrays.first_context, "<u4"),
            (arrays.first_leaf, "<u4"),
            (arrays.suffix, "<u4"),
            (arrays.context_token, "<u2"),
            (context_prob, "u1"),
            (context_back, "u1"),
            (arrays.leaf_token, "<u2"),
            (leaf_prob, "u1"),
        )
    )
    header = _HEADER.pack(
        MAGIC, VERSION, arrays.order, arrays.vocabulary, len(arrays.suffix), len(arrays.leaf_token),
        zlib.crc32(body), tokenizer_digest(pieces),
    )  # fmt: skip
    with whole(path) as part:
        part.write_bytes(header + body)


def _coded(columns: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """256 evenly spaced values, and each column as codes of the nearest of them."""
    everything = np.concatenate(columns)
    low, high = (float(everything.min()), float(everything.max())) if len(everything) else (0.0, 0.0)
    values = np.linspace(low, high, _CODES)
    step = (high - low) / (_CODES - 1) or 1.0
    return values, [np.rint((column - low) / step).astype(np.int64) for column in columns]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
