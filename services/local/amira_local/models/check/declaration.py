"""What a model's files say of themselves, without running it."""

from __future__ import annotations

from amira_decoder.frame_buffer import FRAME_MS
from amira_frontend.fbank.tables import BINS
from amira_local.models.check.trial import Trial
from amira_local.models.report import Model

_BYTE_LEVEL = range(0x100, 0x250)
"""Where byte-level BPE of icefall has the letters that stand for bytes."""


def check_declaration(model: Model, trial: Trial) -> None:
    """Whether the encoder's metadata fit together, and the frontend's features."""
    geometry = model.geometry
    if geometry.feature_dim != BINS:
        trial.problem(
            f"the encoder wants {geometry.feature_dim} values a frame; the frontend computes {BINS}",
            f"use a model for {BINS}-bin fbank features",
        )
    if geometry.window_frames < geometry.chunk_frames:
        trial.problem(
            f"T={geometry.window_frames} is less than decode_chunk_len={geometry.chunk_frames}: "
            "audio would be skipped",
            "correct the encoder's metadata: T is what a step sees, decode_chunk_len what it moves on by",
        )
    if geometry.chunk_frames * FRAME_MS % geometry.output_frames:
        trial.advice(
            f"{model.chunk_ms} ms do not divide into {geometry.output_frames} encoder frames evenly",
            "word times will drift; check decode_chunk_len in the encoder's metadata",
        )
    if "model_type" not in model.graph.metadata:
        trial.advice("the encoder's metadata has no model_type", "Amira does not need it; sherpa-onnx does")


def check_tokens(model: Model, trial: Trial) -> None:
    """Whether the tokens spell text, and are those of the folder's bpe.model."""
    tokens = model.folder.tokens
    letters = [letter for piece in tokens.pieces for letter in piece.removeprefix("\u2581")]
    bytelike = sum(ord(letter) in _BYTE_LEVEL for letter in letters)
    if bytelike > len(letters) / 2:
        trial.problem(
            "the tokens are byte-level BPE, whose text would come out as placeholder letters",
            "use a model with characters, BPE or byte-fallback tokens",
        )
    if tokens.bpe is not None:
        known = set(tokens.pieces)
        pieces = [tokens.bpe.id_to_piece(number) for number in range(tokens.bpe.get_piece_size())]
        lacking = [piece for piece in pieces if piece not in known and not piece.startswith("<")]
        if len(lacking) > len(pieces) / 50:
            trial.advice(
                f"{len(lacking)} of bpe.model's {len(pieces)} pieces are not in tokens.txt",
                "hotwords may be refused: bpe.model and tokens.txt seem to be of two models",
            )
