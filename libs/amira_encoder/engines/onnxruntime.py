"""onnxruntime on the CPU: runs every export, float32 or int8."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from amira_encoder.engine import Arrays
from amira_encoder.engines.dynamic_quantization import is_dynamically_quantized
from amira_encoder.errors import EncoderModelError, EngineUnavailableError


class OnnxRuntimeEngine:
    """See :class:`amira_encoder.engine.Engine`."""

    def __init__(self, path: Path, threads: int, precision: str) -> None:
        if precision not in ("auto", "f32"):
            raise EngineUnavailableError(
                f"onnxruntime has no {precision} on CPUs here: use openvino, or precision f32"
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle threads that spin steal the CPUs from the decoder on the same machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions have no common base
            raise EncoderModelError(f"onnxruntime cannot load {path}: {error}") from error
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.threads = threads
        self.row_at_a_time = is_dynamically_quantized(path)
        self.name = "onnxruntime int8" if self.row_at_a_time else "onnxruntime f32"

    def run(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
        """Runs the graph once."""
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))
