"""A model folder written by the recipe's export, with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import sentencepiece
import torch

from amira_training.export.model_folder import export_folder, write_checksums
from amira_training.export.quantize import INT8_ENCODER, quantize
from amira_training.model import geometry as g
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.transducer import Transducer

_VOCABULARY = 40
_SENTENCES = ["the quick brown fox jumps over the lazy dog", "pack my box with five dozen liquor jugs"]


@dataclass(frozen=True)
class Exported:
    folder: Path
    encoder: StreamingEncoder
    transducer: Transducer
    chunking: g.Chunking


@pytest.fixture(scope="package")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    torch.manual_seed(0)
    chunking = g.Chunking.of_chunk_ms(160, 20)
    folder = tmp_path_factory.mktemp("exported")
    bpe_model = _bpe_model(folder.parent)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(bpe_model)).get_piece_size()
    encoder, transducer = StreamingEncoder().eval(), Transducer(pieces).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():  # fresh norms are all alike, which no trained ones are
            parameter += 0.02 * torch.randn_like(parameter)
    export_folder(folder, encoder, transducer, chunking, bpe_model, "random weights")
    quantize(folder / "encoder.onnx", folder / INT8_ENCODER)
    write_checksums(folder)
    return Exported(folder, encoder, transducer, chunking)


def _bpe_model(folder: Path) -> Path:
    text = folder / "text.txt"
    text.write_text("\n".join(_SENTENCES * 20), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "bpe"),
        vocab_size=_VOCABULARY,
        user_defined_symbols=["<blk>", "<sos/eos>"],
        unk_id=2,
        bos_id=-1,
        eos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return folder / "bpe.model"
