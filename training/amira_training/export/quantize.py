"""An int8 copy of the encoder for sherpa-onnx and small devices.

Weights of matrix products only, one scale per column, activations quantized as they come
(onnxruntime's dynamic quantization). Amira itself does not load this file: its engine makes int8
weights from the float32 graph, in a way whose results do not depend on the batch.
"""

from __future__ import annotations

from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic

INT8_ENCODER = "encoder.int8.onnx"


def quantize(source: Path, target: Path) -> None:
    """Writes the int8 copy of the encoder at ``source``, metadata included."""
    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul"],
    )
