"""A streaming transducer as icefall and sherpa-onnx lay it out: ONNX files, tokens.txt, bpe.model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from amira_decoder.model.tokens import TokenTable
from amira_encoder.errors import EncoderModelError
from amira_encoder.model_folder import find_network

LANGUAGE_MODEL = "lm.ngram"
"""Name of the language model's file, where a folder has one."""


class ModelFolderError(ValueError):
    """The folder is not a usable streaming transducer; the message says what is missing or wrong."""


@dataclass(frozen=True)
class TransducerFolder:
    """An opened model folder. Build with :meth:`open`; the encoder's weights are not loaded here."""

    name: str
    """The folder's name."""
    version: str
    """First 12 hex digits of the SHA-256 over networks and language model: changes whenever the words may."""
    path: Path
    encoder: Path
    decoder: Path
    joiner: Path
    tokens: TokenTable
    context_size: int
    """Tokens that the predictor looks back at."""
    vocab_size: int
    blank_id: int
    language_model: Path | None = None
    """The n-gram model for the beam search, where the folder has one; open it with model.ngram."""

    @classmethod
    def open(cls, path: Path | str) -> TransducerFolder:
        """Finds and checks all files of the folder. Raises ModelFolderError.

        Of each network the full-precision file is taken where there is one, so that the encoder is the
        one that Triton runs from the same folder.
        """
        folder = Path(path).expanduser().resolve()
        if not folder.is_dir():
            raise ModelFolderError(f"no model folder at {path}")
        encoder, decoder, joiner = (_find(folder, part) for part in ("encoder", "decoder", "joiner"))
        tokens = _load_tokens(folder)
        context_size, vocab_size = _read_decoder(decoder)
        if tokens.blank_id != 0:
            raise ModelFolderError(f"{folder.name}: blank must be token 0, not {tokens.blank_id}")
        if len(tokens) != vocab_size:
            raise ModelFolderError(
                f"{folder.name}: tokens.txt has {len(tokens)} tokens, {decoder.name} {vocab_size}"
            )
        language_model = ngrams if (ngrams := folder / LANGUAGE_MODEL).is_file() else None
        return cls(
            name=folder.name,
            version=_hash(encoder, decoder, joiner, *([language_model] if language_model else [])),
            path=folder,
            encoder=encoder,
            decoder=decoder,
            joiner=joiner,
            tokens=tokens,
            context_size=context_size,
            vocab_size=vocab_size,
            blank_id=tokens.blank_id,
            language_model=language_model,
        )


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Opens one of the small networks on one CPU thread: their products are too small to share out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many classes, all meaning "cannot load"
        raise ModelFolderError(f"{path.name}: onnxruntime cannot load it ({error})") from error


def _find(folder: Path, part: str) -> Path:
    try:
        return find_network(folder, part)
    except EncoderModelError as error:
        there = ", ".join(sorted(file.name for file in folder.glob("*.onnx"))) or "no .onnx file at all"
        raise ModelFolderError(f"{error} (there is {there})") from error


def _load_tokens(folder: Path) -> TokenTable:
    tokens, bpe = folder / "tokens.txt", folder / "bpe.model"
    if not tokens.is_file():
        raise ModelFolderError(f"{folder.name}: tokens.txt is missing")
    try:
        return TokenTable.load(tokens, bpe if bpe.is_file() else None)
    except (ValueError, OSError) as error:
        raise ModelFolderError(f"{folder.name}: {error}") from error


def _read_decoder(path: Path) -> tuple[int, int]:
    """Context and vocabulary size from the metadata that every icefall export carries."""
    metadata = open_session(path).get_modelmeta().custom_metadata_map
    try:
        context_size, vocab_size = int(metadata["context_size"]), int(metadata["vocab_size"])
    except (KeyError, ValueError) as error:
        raise ModelFolderError(f"{path.name}: its metadata lacks context_size and vocab_size") from error
    if not 1 <= context_size <= 8 or vocab_size < 2 or (vocab_size + 1) ** context_size >= 2**62:
        raise ModelFolderError(f"{path.name}: context_size {context_size} with vocab_size {vocab_size}")
    return context_size, vocab_size


def _hash(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:12]
