"""Finding graphs whose rows must not be batched.

``DynamicQuantizeLinear`` takes one scale from the whole tensor it is given. In a batch that is the
largest value of any stream, so a loud neighbour changes another stream's words. Such graphs (what
onnxruntime's ``quantize_dynamic`` writes, and icefall's ``.int8.onnx`` exports are) run row by row.
"""

from __future__ import annotations

from pathlib import Path

_MARKS = (b"DynamicQuantizeLinear", b"DynamicQuantizeMatMul", b"DynamicQuantizeLSTM")


def is_dynamically_quantized(path: Path) -> bool:
    """Whether an ONNX file holds operators that scale by the content of the batch.

    Operator names stand in the file as plain text, so no ONNX parser is needed. A name that only
    appears elsewhere in the file gives True as well: slower, never wrong.
    """
    content = path.read_bytes()
    return any(mark in content for mark in _MARKS)
