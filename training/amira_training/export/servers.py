"""The server's own encoders over a model folder, where Amira's packages are installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amira_decoder.encoder.base import Encoder

_SLOTS = 4
_PRECISIONS = {"f32": "float32", "int8": "int8"}
_STOP_TIMEOUT_S = 20.0


def installed() -> bool:
    """Whether the server can be asked at all: a training environment may have torch alone."""
    return importlib.util.find_spec("amira_decoder") is not None


def engines(folder: Path) -> list[tuple[str, Callable[[], Encoder]]]:
    """Names and makers of the encoders that run in the decoder's own process; empty without a server."""
    if not installed():
        return []
    from amira_decoder.encoder.in_process import InProcessEncoder

    kinds = [("onnxruntime", "f32")]
    if importlib.util.find_spec("openvino") is not None:
        kinds += [("openvino", "f32"), ("openvino", "int8")]
    return [
        (
            f"server, {engine} {_PRECISIONS[precision]}",
            partial(InProcessEncoder, folder, _SLOTS, engine, 1, precision),
        )
        for engine, precision in kinds
    ]


@contextmanager
def triton(folder: Path) -> Iterator[Callable[[], Encoder]]:
    """A maker of encoders that run in a Triton started for the block.

    Raises:
        OSError: it cannot be started.
    """
    from amira_decoder.encoder.triton import TritonEncoder
    from amira_local.ports import free_ports

    grpc, http, metrics = (f"127.0.0.1:{port}" for port in free_ports(3))
    settings = {
        "grpc_address": grpc,
        "http_address": http,
        "metrics_address": metrics,
        "model_dir": str(folder.resolve()),
        "slots": str(_SLOTS),
        "engine": "onnxruntime",
    }
    environment = {f"AMIRA_TRITON_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "amira_triton"], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    try:
        yield partial(TritonEncoder, grpc)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
