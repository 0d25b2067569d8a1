"""Writes the folder that the decoder, Triton and sherpa-onnx load: three ONNX graphs, tokens, checksums.

sherpa-onnx knows no architecture of this kind, but its LSTM loader asks for no more than two opaque
states, ``h`` and ``c``, that start as zeros; so that is what the encoder says it is.
"""

from __future__ import annotations

import hashlib
import shutil
import warnings
from pathlib import Path

import onnx
import sentencepiece
import torch
from torch import Tensor, nn

from amira_training.export.weights import name_weights
from amira_training.model import geometry as g
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.streaming_step import StreamingStep
from amira_training.model.transducer import Transducer

ENCODER, DECODER, JOINER = "encoder.onnx", "decoder.onnx", "joiner.onnx"
TOKENS, BPE_MODEL, CARD, CHECKSUMS = "tokens.txt", "bpe.model", "README.md", "SHA256SUMS"
REST_OF_FOLDER = (DECODER, JOINER, TOKENS, BPE_MODEL)
"""What does not depend on the chunk size."""
_OPSET = 17
_SAMPLE_BATCH = 2


class _Predictor(nn.Module):
    def __init__(self, transducer: Transducer) -> None:
        super().__init__()
        self.transducer = transducer

    def forward(self, y: Tensor) -> Tensor:
        return self.transducer.predict(y).squeeze(1)


class _Joiner(nn.Module):
    def __init__(self, transducer: Transducer) -> None:
        super().__init__()
        self.transducer = transducer

    def forward(self, encoder_out: Tensor, decoder_out: Tensor) -> Tensor:
        return self.transducer.join(encoder_out, decoder_out)


def export_folder(
    folder: Path,
    encoder: StreamingEncoder,
    transducer: Transducer,
    chunking: g.Chunking,
    bpe_model: Path,
    comment: str,
) -> None:
    """Writes everything but the card into ``folder``, which is made where needed."""
    folder.mkdir(parents=True, exist_ok=True)
    export_encoder(folder / ENCODER, encoder, chunking, comment)
    export_predictor_and_joiner(folder, transducer)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(bpe_model))
    size = pieces.get_piece_size()
    lines = (f"{pieces.id_to_piece(index)} {index}\n" for index in range(size))
    (folder / TOKENS).write_text("".join(lines), encoding="utf-8")
    shutil.copyfile(bpe_model, folder / BPE_MODEL)


def export_encoder(path: Path, encoder: StreamingEncoder, chunking: g.Chunking, comment: str) -> None:
    """One chunk per call; see :class:`StreamingStep` for the shapes."""
    step = StreamingStep(encoder.eval(), chunking).eval()
    x = torch.randn(_SAMPLE_BATCH, chunking.input_frames, g.FBANK_BINS)
    h = torch.zeros(1, _SAMPLE_BATCH, chunking.state_size)
    c = torch.zeros(1, _SAMPLE_BATCH, 1)
    axes = {"x": 0, "h": 1, "c": 1, "encoder_out": 0, "new_h": 1, "new_c": 1}
    _export(step, (x, h, c), path, ["x", "h", "c"], ["encoder_out", "new_h", "new_c"], axes)
    _describe(
        path,
        step,
        {
            "model_type": "lstm",
            "version": "1",
            "model_author": "amira",
            "num_encoder_layers": 1,
            "T": chunking.input_frames,
            "decode_chunk_len": chunking.chunk_frames,
            "d_model": chunking.state_size,
            "rnn_hidden_size": 1,
            "output_delay_frames": g.OUTPUT_DELAY_STEPS,
            "left_context_frames": chunking.left_steps * g.FRAMES_PER_STEP,
            "comment": comment,
        },
    )


def export_predictor_and_joiner(folder: Path, transducer: Transducer) -> None:
    """``y [N, 2] -> decoder_out [N, 256]`` and ``encoder_out, decoder_out -> logit [N, V]``."""
    transducer.eval()
    predictor, joiner = _Predictor(transducer), _Joiner(transducer)
    context = torch.zeros(_SAMPLE_BATCH, g.CONTEXT_SIZE, dtype=torch.long)
    _export(predictor, (context,), folder / DECODER, ["y"], ["decoder_out"])
    vocabulary_size = transducer.embedding.num_embeddings
    _describe(folder / DECODER, predictor, {"context_size": g.CONTEXT_SIZE, "vocab_size": vocabulary_size})
    pair = (torch.randn(_SAMPLE_BATCH, g.JOINER_DIM), torch.randn(_SAMPLE_BATCH, g.JOINER_DIM))
    _export(joiner, pair, folder / JOINER, ["encoder_out", "decoder_out"], ["logit"])
    _describe(folder / JOINER, joiner, {"joiner_dim": g.JOINER_DIM})


def write_checksums(folder: Path) -> None:
    """``SHA256SUMS`` over every file but the card, in the form that ``sha256sum -c`` reads.

    The card is left out because measurements are written into it later.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name not in {CARD, CHECKSUMS})
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _export(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    batch_axes: dict[str, int] | None = None,
) -> None:
    axes = batch_axes or dict.fromkeys(inputs + outputs, 0)
    dynamic = {name: {axis: "N"} for name, axis in axes.items()}
    # torch 2.5 and later have another exporter, and this way back to the one that torch 1.13 has too.
    newer = {"dynamo": False} if "dynamo" in torch.onnx.export.__code__.co_varnames else {}
    with torch.no_grad(), warnings.catch_warnings():
        # torch 1.13 says so of every None that an operator gets; the parity check is what counts.
        warnings.filterwarnings("ignore", message="The shape inference of prim::Constant")
        torch.onnx.export(
            module,
            arguments,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=dynamic,
            opset_version=_OPSET,
            **newer,
        )


def _describe(path: Path, module: nn.Module, metadata: dict[str, str | int]) -> None:
    model = onnx.load(str(path))
    name_weights(model.graph, dict(module.state_dict()))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
