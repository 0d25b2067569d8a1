"""OpenVINO on the CPU: bfloat16 where the hardware multiplies it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from amira_encoder.cpu import has_fast_bf16
from amira_encoder.engine import Arrays
from amira_encoder.engines.dynamic_quantization import is_dynamically_quantized
from amira_encoder.errors import EncoderModelError


class OpenVinoEngine:
    """See :class:`amira_encoder.engine.Engine`."""

    def __init__(self, path: Path, threads: int, precision: str) -> None:
        if precision == "auto":
            precision = "bf16" if has_fast_bf16() else "f32"
        config = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Pinned threads cannot step aside when another process, or container, is on their CPU.
            "ENABLE_CPU_PINNING": False,
            # Left on, weights of int8 exports would be multiplied in a precision chosen per batch.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        }
        try:
            model = ov.Core().compile_model(str(path), "CPU", config)
        except RuntimeError as error:
            raise EncoderModelError(f"openvino cannot load {path}: {error}") from error
        self._request = model.create_infer_request()
        self._outputs = [(output.get_any_name(), index) for index, output in enumerate(model.outputs)]
        self.threads = threads
        self.row_at_a_time = is_dynamically_quantized(path)
        self.name = f"openvino {precision}"

    def run(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
        """Runs the graph once; neither inputs nor outputs are copied."""
        for name, array in inputs.items():
            self._request.set_tensor(name, ov.Tensor(array, shared_memory=True))
        self._request.infer()
        return {name: self._request.get_output_tensor(index).data for name, index in self._outputs}
