"""How an encoder is to be run, as the environment says it.

The supervisor (or the operator of NVIDIA's image) sets these variables; the model inside Triton
reads them. ``deploy/triton/README.md`` lists them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFIX = "AMIRA_ENCODER_"


@dataclass(frozen=True)
class EncoderOptions:
    """Which model, how many slots, which engine."""

    model_dir: Path
    """Folder with ``encoder*.onnx``."""

    slots: int = 64
    """Streams that can be open at once."""

    engine: str = "auto"
    """``auto``, ``onnxruntime`` or ``openvino``."""

    threads: int = 0
    """Threads of the engine; 0: one per CPU of the container's limit, else half of the machine's CPUs."""

    precision: str = "auto"
    """``auto``, ``f32``, ``bf16`` or ``int8`` (the last two with OpenVINO only)."""

    drain_file: Path | None = None
    """While this file exists, the model says that its server is about to stop."""

    def to_environment(self) -> dict[str, str]:
        """The variables that :meth:`from_environment` reads back."""
        return {
            f"{PREFIX}MODEL_DIR": str(self.model_dir),
            f"{PREFIX}SLOTS": str(self.slots),
            f"{PREFIX}ENGINE": self.engine,
            f"{PREFIX}THREADS": str(self.threads),
            f"{PREFIX}PRECISION": self.precision,
            **({f"{PREFIX}DRAIN_FILE": str(self.drain_file)} if self.drain_file else {}),
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> EncoderOptions:
        """Reads ``AMIRA_ENCODER_*``. Raises ValueError naming the variable that is missing or wrong."""
        model_dir = environment.get(f"{PREFIX}MODEL_DIR")
        if not model_dir:
            raise ValueError(f"{PREFIX}MODEL_DIR is not set: name the folder that holds encoder.onnx")
        return cls(
            model_dir=Path(model_dir),
            slots=_number(environment, "SLOTS", default=cls.slots, least=1),
            engine=environment.get(f"{PREFIX}ENGINE", cls.engine),
            threads=_number(environment, "THREADS", default=cls.threads, least=0),
            precision=environment.get(f"{PREFIX}PRECISION", cls.precision),
            drain_file=Path(drain_file) if (drain_file := environment.get(f"{PREFIX}DRAIN_FILE")) else None,
        )


def _number(environment: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    text = environment.get(f"{PREFIX}{name}", str(default))
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise ValueError(f"{PREFIX}{name} must be a whole number from {least} up, not {text!r}")
    return value
