"""Which model is meant: a folder, one of several encoders in it, or its weights in other chunks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LEFT_STEPS = 63  # of 40 ms: what every layer sees of the past, whatever the chunk, as in the bundled model


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


@contextmanager
def in_other_chunks(path: Path, chunk_ms: int) -> Iterator[tuple[Path, str]]:
    """The same weights cut into chunks of ``chunk_ms``, in a temporary folder, and the model's name.

    Raises:
        NoModelError: the model is not one of `training/`, no such chunks are possible, or torch is missing.
    """
    try:
        from amira_training.commands.export import rechunk
        from amira_training.errors import RecipeError
    except ImportError as error:
        raise NoModelError(f"other chunks need what training/ needs: {error}") from error

    name = path.resolve().name
    with tempfile.TemporaryDirectory(prefix="amira-model-") as temporary:
        folder = Path(temporary) / name
        try:
            rechunk(path, folder, chunk_ms, _LEFT_STEPS)
        except (RecipeError, OSError) as error:
            raise NoModelError(f"{name} cannot be measured in chunks of {chunk_ms} ms: {error}") from error
        yield folder, f"{name}/{chunk_ms}ms"
