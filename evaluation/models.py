"""Which model is meant: a folder, or one of several encoders in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoModelError(ValueError):
    """There is no model where one was named."""


@contextmanager
def model_folder(path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that the stack can load, and the model's name, for a folder or an encoder's file.

    For a file (an export of the same model with another chunk size, say) the folder is a temporary
    one with this encoder and everything else that lies beside it.

    Raises:
        NoModelError: there is neither.
    """
    if path.is_dir():
        yield path, path.resolve().name
        return
    if not (path.is_file() and path.name.startswith("encoder") and path.suffix == ".onnx"):
        raise NoModelError(f"{path} is neither a model folder nor an encoder*.onnx in one")
    folder = path.resolve().parent
    with tempfile.TemporaryDirectory(prefix="amira-model-") as temporary:
        copy = Path(temporary) / folder.name
        copy.mkdir()
        for file in folder.iterdir():
            if not file.name.startswith("encoder"):
                (copy / file.name).symlink_to(file)
        (copy / "encoder.onnx").symlink_to(path.resolve())
        yield copy, f"{folder.name}/{path.stem}"
