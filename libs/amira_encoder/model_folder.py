"""Finding the networks in a model folder, and telling one from the next."""

from __future__ import annotations

import hashlib
from pathlib import Path

from amira_encoder.errors import EncoderModelError

_SMALLER = (".int8", ".fp16")


def find_encoder(model_dir: Path) -> Path:
    """The encoder's file in a model folder; see :func:`find_network`."""
    return find_network(model_dir, "encoder")


def find_network(model_dir: Path, part: str) -> Path:
    """The file of one network in a model folder: ``encoder.onnx``, or the one ``encoder*.onnx``.

    Of a full-precision and an ``.int8`` or ``.fp16`` export the full-precision one is taken, then int8.

    Args:
        model_dir: the model folder.
        part: ``encoder``, ``decoder`` or ``joiner``.

    Raises:
        EncoderModelError: there is no folder, no such file, or more than one to choose from.
    """
    if not model_dir.is_dir():
        raise EncoderModelError(f"model folder not found: {model_dir}")
    found = sorted(model_dir.glob(f"{part}*.onnx"))
    full = [path for path in found if not any(mark in path.name for mark in _SMALLER)]
    classes = (full, *([path for path in found if mark in path.name] for mark in _SMALLER))
    candidates = next((paths for paths in classes if paths), [])
    if not candidates:
        raise EncoderModelError(f"no {part}*.onnx in the model folder {model_dir}")
    exact = [path for path in candidates if path.name in {f"{part}{mark}.onnx" for mark in ("", *_SMALLER)}]
    if len(candidates) == 1 or len(exact) == 1:
        return (exact or candidates)[0]
    names = ", ".join(path.name for path in candidates)
    raise EncoderModelError(f"several {part}s in {model_dir} ({names}): keep one, or name it {part}.onnx")


def fingerprint(network: Path) -> str:
    """SHA-256 of a network's file, in hex: the same in every process that runs this very network."""
    digest = hashlib.sha256()
    with network.open("rb") as content:  # not file_digest: NVIDIA's image has Python 3.10
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
