"""The one small interface behind which inference engines stand, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from amira_encoder.cpu import engine_threads, has_fast_bf16
from amira_encoder.errors import EngineUnavailableError

Arrays = dict[str, "np.ndarray[Any, Any]"]


class Engine(Protocol):
    """Runs one graph. Not thread-safe: one caller at a time."""

    @property
    def name(self) -> str:
        """The engine and its precision, for logs: ``onnxruntime f32``."""

    @property
    def threads(self) -> int:
        """Threads that a run uses."""

    @property
    def row_at_a_time(self) -> bool:
        """Whether rows must not share a run, because one row's result would depend on the others."""

    def run(self, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
        """Runs the graph; inputs are C-contiguous. The results are valid until the next run only."""


def engine_and_precision(name: str) -> tuple[str, str]:
    """What to ask :func:`open_engine` for to get the engine of that name again: ``openvino int8``.

    Graphs that are quantized already have their precision in them: ``auto``.
    """
    engine, _, precision = name.partition(",")[0].partition(" ")
    return engine, "auto" if (engine, precision) == ("onnxruntime", "int8") else precision


def open_engine(path: Path, engine: str = "auto", threads: int = 0, precision: str = "auto") -> Engine:
    """Opens an ONNX graph.

    Args:
        path: the ONNX file.
        engine: ``onnxruntime``, ``openvino``, or ``auto``: OpenVINO where it is installed and the
            CPU multiplies bfloat16 in hardware (2.5 times as fast there), onnxruntime otherwise.
        threads: threads of a run; 0: as many as :func:`engine_threads` says.
        precision: ``f32``, ``bf16`` or ``int8`` (both OpenVINO only), or ``auto``: int8 with OpenVINO
            where the CPU multiplies bfloat16 in hardware, f32 otherwise.

    Raises:
        EngineUnavailableError: no such engine, not installed, or not able to do that precision.
    """
    if precision not in ("auto", "f32", "bf16", "int8"):
        raise EngineUnavailableError(f"unknown precision {precision!r}: use auto, f32, bf16 or int8")
    if engine == "auto":
        openvino_pays = precision != "f32" and has_fast_bf16() and find_spec("openvino") is not None
        engine = "openvino" if openvino_pays or precision in ("bf16", "int8") else "onnxruntime"
    threads = threads or engine_threads()
    if engine == "onnxruntime":
        from amira_encoder.engines.onnxruntime import OnnxRuntimeEngine

        return OnnxRuntimeEngine(path, threads, precision)
    if engine == "openvino":
        if find_spec("openvino") is None:
            raise EngineUnavailableError("the engine openvino is not installed: pip install openvino")
        from amira_encoder.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(path, threads, precision)
    raise EngineUnavailableError(f"unknown engine {engine!r}: use auto, onnxruntime or openvino")
