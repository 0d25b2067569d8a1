"""OpenVINO on the CPU: int8 products in bfloat16 surroundings where the hardware has both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from amira_encoder.cpu import has_fast_bf16, has_machine_to_itself, usable_cpus
from amira_encoder.engine import Arrays
from amira_encoder.engines.dynamic_quantization import is_dynamically_quantized
from amira_encoder.engines.weight_compression import GROUP_SIZE, compress_weights
from amira_encoder.errors import EncoderModelError


class OpenVinoEngine:
    """See :class:`amira_encoder.engine.Engine`."""

    def __init__(self, path: Path, threads: int, precision: str) -> None:
        rest = "bf16" if has_fast_bf16() else "f32"
        if precision == "auto":
            precision = "int8" if has_fast_bf16() else "f32"
        config = {
            "INFERENCE_PRECISION_HINT": rest if precision == "int8" else precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Waking from idle, unpinned threads start on one CPU and are spread a few ms later. Pinned
            # ones cannot step aside, so not where others have a claim to the CPUs.
            "ENABLE_CPU_PINNING": has_machine_to_itself() and threads >= usable_cpus(),
            # Left on by itself, weights of int8 exports would be multiplied in a precision chosen per batch.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP_SIZE if precision == "int8" else 0,
        }
        try:
            graph = ov.Core().read_model(str(path))
            if precision == "int8":
                compress_weights(graph)
            model = ov.Core().compile_model(graph, "CPU", config)
        except RuntimeError as error:
            raise EncoderModelError(f"openvino cannot load {path}: {error}") from error
        self._request = model.create_infer_request()
        # One tensor can bear several names, of which the declared output is any.
        self._outputs = [
            (name, index) for index, output in enumerate(model.outputs) for name in output.get_names()
        ]
        self.threads = threads
        self.row_at_a_time = is_dynamically_quantized(path)
        self.name = f"openvino {precision}"

    def run(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
        """Runs the graph once; neither inputs nor outputs are copied."""
        for name, array in inputs.items():
            self._request.set_tensor(name, ov.Tensor(array, shared_memory=True))
        self._request.infer()
        return {name: self._request.get_output_tensor(index).data for name, index in self._outputs}
