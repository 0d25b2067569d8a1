"""A real but tiny transducer with random weights, small enough to enumerate all alignments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from amira_decoder.model import TransducerFolder

DIM = 6


def write_tiny_model(
    folder: Path, pieces: Sequence[str], *, context_size: int = 2, activation: str = "Tanh", seed: int = 0
) -> TransducerFolder:
    """Writes decoder, joiner and tokens.txt (blank is put first); nothing reads the encoder file."""
    random = np.random.default_rng(seed)
    vocab = len(pieces) + 1
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.txt").write_text("".join(f"{p} {i}\n" for i, p in enumerate(["<blk>", *pieces])))
    (folder / "encoder.onnx").write_bytes(b"not read by the search")

    # Row 0 of the embedding is for -1 ("before the beginning"), as icefall's zero vector.
    embedding = random.normal(0, 1, (vocab + 1, DIM)).astype(np.float32)
    embedding[0] = 0
    mix = random.normal(0, 1, (context_size * DIM, DIM)).astype(np.float32)
    decoder = helper.make_graph(
        [
            helper.make_node("Add", ["y", "one"], ["rows"]),
            helper.make_node("Gather", ["embedding", "rows"], ["embedded"]),
            helper.make_node("Reshape", ["embedded", "flat"], ["row"]),
            helper.make_node("MatMul", ["row", "mix"], ["decoder_out"]),
        ],
        "decoder",
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["N", context_size])],
        [helper.make_tensor_value_info("decoder_out", TensorProto.FLOAT, ["N", DIM])],
        [
            numpy_helper.from_array(np.array(1, np.int64), "one"),
            numpy_helper.from_array(embedding, "embedding"),
            numpy_helper.from_array(np.array([-1, context_size * DIM], np.int64), "flat"),
            numpy_helper.from_array(mix, "mix"),
        ],
    )
    joiner = helper.make_graph(
        [
            helper.make_node("Add", ["encoder_out", "decoder_out"], ["sum"]),
            helper.make_node(activation, ["sum"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "weight"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["logit"]),
        ],
        "joiner",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", DIM])
            for name in ("encoder_out", "decoder_out")
        ],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["N", vocab])],
        [
            numpy_helper.from_array(random.normal(0, 1, (DIM, vocab)).astype(np.float32), "weight"),
            numpy_helper.from_array(random.normal(0, 1, vocab).astype(np.float32), "bias"),
        ],
    )
    metadata = {"context_size": str(context_size), "vocab_size": str(vocab)}
    for name, graph in (("decoder", decoder), ("joiner", joiner)):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        helper.set_model_props(model, metadata)
        onnx.save(model, str(folder / f"{name}.onnx"))
    return TransducerFolder.open(folder)
