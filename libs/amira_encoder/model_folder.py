"""Finding the encoder in a model folder."""

from __future__ import annotations

from pathlib import Path

from amira_encoder.errors import EncoderModelError


def find_encoder(model_dir: Path) -> Path:
    """The encoder's file in a model folder: ``encoder.onnx``, or the one ``encoder*.onnx``.

    Of a full-precision and an ``.int8`` export the full-precision one is taken.

    Raises:
        EncoderModelError: there is no folder, no such file, or more than one to choose from.
    """
    if not model_dir.is_dir():
        raise EncoderModelError(f"model folder not found: {model_dir}")
    exact = model_dir / "encoder.onnx"
    if exact.is_file():
        return exact
    found = sorted(model_dir.glob("encoder*.onnx"))
    full = [path for path in found if not path.name.endswith(".int8.onnx")] or found
    if not full:
        raise EncoderModelError(f"no encoder*.onnx in the model folder {model_dir}")
    if len(full) > 1:
        names = ", ".join(path.name for path in full)
        raise EncoderModelError(
            f"several encoders in {model_dir} ({names}): keep one, or name it encoder.onnx"
        )
    return full[0]
